// Paths that changed since the other image.
(() => {
  const box = find('change-grid');
  if (!box) return;
  const { marks, shared, rest, before, after, said, phrases } = data.changes;
  const paths = [];
  for (let i = 0, last = ''; i < rest.length; i += 1) { last = last.slice(0, shared[i]) + rest[i]; paths.push(last); }
  const field = find('change-search'), choice = find('change-mark'), status = find('change-status'), detail = find('change-detail');
  const kinds = { '+': '+ added', '-': '− removed', '~': '~ changed' };
  const size = (n) => (n === null ? '' : bytes(n));
  const sentences = phrases.map((list) => list.join(', '));
  let rows = [], words = [];
  const grid = rowsOf(box, {
    role: 'grid', label: 'Paths that changed',
    columns: [['Change', ''], ['Path', ''], ['What', ''], ['Before', 'n'], ['After', 'n']],
    fill(at, row, cell) {
      const i = rows[at];
      cell('soft', kinds[marks[i]]);
      cell('name', ...marked(paths[i], words));
      cell('', ...marked(sentences[said[i]], words));
      cell('n', size(before[i]));
      cell('n', size(after[i]));
      row.children[1].title = paths[i];
      row.children[2].title = sentences[said[i]];
    },
    choose(at) { describe(rows[at]); },
  });
  // The whole of what a row has no room for.
  function describe(i) {
    const list = phrases[said[i]], sizes = [before[i], after[i]].filter((n) => n !== null);
    const terms = [['Path', make('code', { text: paths[i] })], ['Change', kinds[marks[i]]]];
    if (list.length) terms.push(['What', make('ul', {}, ...list.map((text) => make('li', { text })))]);
    if (sizes.length) terms.push(['Size', sizes.map((n) => `${bytes(n)} (${counted(n, 'byte', 'bytes')})`).join(' → ')]);
    detail.replaceChildren(make('dl', { class: 'plain' }, ...terms.flatMap(([term, value]) => [make('dt', { text: term }), make('dd', {}, value)])));
    detail.hidden = false;
  }
  function rebuild() {
    words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows = [];
    for (let i = 0; i < paths.length; i += 1) {
      if (choice.value && marks[i] !== choice.value) continue;
      const text = words.length ? `${paths[i]} ${sentences[said[i]]}`.toLowerCase() : '';
      if (words.every((w) => text.includes(w))) rows.push(i);
    }
    status.textContent = rows.length === paths.length ? counted(rows.length, 'path', 'paths') : `${number(rows.length)} of ${counted(paths.length, 'path', 'paths')}`;
    detail.hidden = true;
    grid.renew(rows.length, -1);
  }
  field.addEventListener('input', soon(rebuild, 80));
  choice.addEventListener('change', rebuild);
  rebuild();
})();
