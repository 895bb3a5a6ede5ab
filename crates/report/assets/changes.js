// Files that changed since the other image.
(() => {
  const box = find('change-grid');
  if (!box) return;
  const { marks, shared, rest, before, after } = data.changes;
  const paths = [];
  for (let i = 0, last = ''; i < rest.length; i += 1) { last = last.slice(0, shared[i]) + rest[i]; paths.push(last); }
  const field = find('change-search'), choice = find('change-mark'), status = find('change-status');
  const kinds = { '+': ['+ added', 'soft'], '-': ['− removed', 'soft'], '~': ['~ changed', 'soft'] };
  let rows = [], words = [];
  const grid = rowsOf(box, {
    role: 'grid', label: 'Files that changed',
    columns: [['Change', ''], ['Path', ''], ['Before', 'n'], ['After', 'n']],
    fill(at, row, cell) {
      const i = rows[at], mark = marks[i];
      cell(kinds[mark][1], kinds[mark][0]);
      cell('name', ...marked(`/${paths[i]}`, words));
      cell('n', mark === '+' ? '' : bytes(before[i]));
      cell('n', mark === '-' ? '' : bytes(after[i]));
    },
  });
  function rebuild() {
    words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows = [];
    for (let i = 0; i < paths.length; i += 1) {
      if (choice.value && marks[i] !== choice.value) continue;
      if (words.length && !words.every((w) => `/${paths[i]}`.toLowerCase().includes(w))) continue;
      rows.push(i);
    }
    status.textContent = rows.length === paths.length ? counted(rows.length, 'file', 'files') : `${number(rows.length)} of ${counted(paths.length, 'file', 'files')}`;
    grid.renew(rows.length, -1);
  }
  field.addEventListener('input', soon(rebuild, 80));
  choice.addEventListener('change', rebuild);
  rebuild();
})();
