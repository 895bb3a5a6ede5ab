// Tables written by the program: sorted by their headings, filtered by the field that names them.
const collator = new Intl.Collator('en', { numeric: true });
for (const table of document.querySelectorAll('table.sortable')) {
  const headings = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  headings.forEach((heading, column) => {
    const button = heading.querySelector('button');
    if (!button) return;
    const isNumber = heading.classList.contains('n');
    button.addEventListener('click', () => {
      // Numbers are looked at from the largest.
      const first = isNumber ? 'descending' : 'ascending';
      const now = heading.getAttribute('aria-sort');
      const next = !now || now === 'none' ? first : now === 'ascending' ? 'descending' : 'ascending';
      for (const other of headings) if (other.hasAttribute('aria-sort')) other.setAttribute('aria-sort', 'none');
      heading.setAttribute('aria-sort', next);
      const sign = next === 'ascending' ? 1 : -1;
      const key = (row) => (isNumber ? Number(row.cells[column].dataset.n) : row.cells[column].textContent);
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort((a, b) => sign * (isNumber ? a[0] - b[0] : collator.compare(a[0], b[0])));
      body.append(...rows.map(([, row]) => row));
    });
  });
}
for (const field of document.querySelectorAll('[data-filters]')) {
  const table = find(field.dataset.filters), status = find(`${field.dataset.filters}-status`);
  const choice = document.querySelector(`select[data-chooses="${field.dataset.filters}"]`);
  const rows = [...table.tBodies[0].rows].map((row) => [row.textContent.toLowerCase(), row]);
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [text, row] of rows) {
      row.hidden = !words.every((w) => text.includes(w)) || Boolean(choice?.value && row.dataset.mark !== choice.value);
      if (!row.hidden) shown += 1;
    }
    status.textContent = shown === rows.length ? counted(shown, 'package', 'packages') : `${number(shown)} of ${counted(rows.length, 'package', 'packages')}`;
  };
  field.addEventListener('input', soon(filter, 60));
  choice?.addEventListener('change', filter);
}
