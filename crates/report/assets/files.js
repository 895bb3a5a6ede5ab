// The explorer: a tree while nothing is searched for, a list of paths while something is.
const explorer = (() => {
  const field = find('file-search'), owner = find('file-owner'), layer = find('file-layer'), order = find('file-order');
  const status = find('file-status'), detail = find('file-detail');
  const open = new Uint8Array(tree.count);
  let rows = [], flat = false, words = [], lower = null;

  data.packages.map(([name, version], i) => [name, version, i]).sort((a, b) => collator.compare(a[0], b[0]))
    .forEach(([name, version, i]) => owner.append(make('option', { value: i, text: `${name} ${version}` })));
  data.layers.forEach((_, i) => layer.append(make('option', { value: i, text: `Layer ${i + 1}` })));

  const sorted = (list) => (order.value === 'size' ? list.sort((a, b) => tree.total[b] - tree.total[a] || a - b) : list);
  const below = (i) => sorted(tree.children(i));
  const places = new Map(); // what aria-posinset and aria-setsize say of a directory's rows

  function walk(i, out) {
    const list = below(i);
    list.forEach((child, place) => {
      places.set(child, [place + 1, list.length]);
      out.push(child);
      if (open[child]) walk(child, out);
    });
    return out;
  }

  // Paths in lower case, made when first searched: most visitors only look around.
  function lowered() {
    if (lower) return lower;
    lower = new Array(tree.count);
    for (let i = 0; i < tree.count; i += 1) {
      const up = tree.parent[i];
      lower[i] = `${up < 0 ? '' : lower[up]}/${tree.names[i].toLowerCase()}`;
    }
    return lower;
  }

  function matches() {
    const paths = words.length ? lowered() : null, out = [];
    const wantedOwner = owner.value === '' ? null : Number(owner.value), wantedLayer = layer.value === '' ? null : Number(layer.value);
    for (let i = 0; i < tree.count; i += 1) {
      if (wantedOwner !== null && (Math.max(tree.owner(i), -1) !== wantedOwner || (wantedOwner < 0 && tree.isDirectory(i)))) continue;
      if (wantedLayer !== null && tree.layer(i) !== wantedLayer) continue;
      if (paths && !words.every((w) => paths[i].includes(w))) continue;
      out.push(i);
    }
    return sorted(out);
  }

  function rebuild(at) {
    words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    flat = words.length > 0 || owner.value !== '' || layer.value !== '';
    places.clear();
    rows = flat ? matches() : walk(-1, []);
    const size = rows.reduce((n, i) => n + (tree.isDirectory(i) ? 0 : tree.total[i]), 0);
    status.textContent = flat
      ? rows.length ? `${number(rows.length)} of ${counted(tree.count, 'path', 'paths')} match, ${bytes(size)}` : 'Nothing matches. Search for less, or for another owner or layer.'
      : `${counted(tree.count, 'path', 'paths')}, ${bytes(tree.all().total)}`;
    grid.renew(rows.length, at === undefined ? -1 : rows.indexOf(at));
  }

  const letters = { d: 'd', f: '-', h: '-', l: 'l', c: 'c', b: 'b', p: 'p' };
  function permissions(i) {
    const mode = tree.mode(i);
    const bit = (mask, letter) => (mode & mask ? letter : '-');
    const last = (run, special, yes, no) => (mode & special ? (mode & run ? yes : no) : bit(run, 'x'));
    return letters[tree.kind(i)] + bit(0o400, 'r') + bit(0o200, 'w') + last(0o100, 0o4000, 's', 'S')
      + bit(0o40, 'r') + bit(0o20, 'w') + last(0o10, 0o2000, 's', 'S') + bit(4, 'r') + bit(2, 'w') + last(1, 0o1000, 't', 'T');
  }
  const layerName = (i) => (tree.layer(i) >= data.layers.length ? '–' : String(tree.layer(i) + 1));

  const grid = rowsOf(find('file-grid'), {
    role: 'treegrid', label: 'Files of the image',
    columns: [['Name', ''], ['Size', 'n'], ['Package', ''], ['Mode', ''], ['Layer', 'n']],
    fill(at, row, cell) {
      const i = rows[at], directory = tree.isDirectory(i);
      const level = flat ? 0 : tree.depths[i];
      row.setAttribute('aria-level', level + 1);
      if (!flat) {
        const [place, of] = places.get(i);
        row.setAttribute('aria-posinset', place);
        row.setAttribute('aria-setsize', of);
        if (directory) row.setAttribute('aria-expanded', String(open[i] === 1));
      }
      const twist = make('span', { class: 'twist', 'aria-hidden': 'true', text: !flat && directory ? (open[i] ? '▾' : '▸') : '' });
      const text = flat ? tree.path(i) : tree.names[i];
      const link = tree.links[i] === undefined ? [] : [make('span', { class: 'soft', text: ` → ${tree.links[i]}` })];
      const device = tree.devices[i] === undefined ? [] : [make('span', { class: 'soft', text: ` device ${tree.devices[i]}` })];
      cell('name', twist, ...marked(text + (directory ? '/' : ''), words), ...link, ...device);
      row.firstChild.style.paddingLeft = `${0.4 + level * 1.1}rem`;
      row.firstChild.title = tree.path(i);
      cell('n', bytes(tree.total[i]));
      cell('soft', ownerName(i) || '–');
      cell('soft mono', permissions(i));
      cell('n soft', layerName(i));
    },
    choose(at) { describe(rows[at]); },
    press(key, at) {
      const i = rows[at], directory = tree.isDirectory(i) && !flat;
      if (key === 'Enter' || key === ' ' || key === 'twist' || key === 'click' || key === 'again') {
        if (directory) toggle(i); else if (flat && (key === 'Enter' || key === 'again')) reveal(i, true);
      } else if (key === 'ArrowRight' && directory) {
        if (!open[i]) toggle(i); else if (rows[at + 1] !== undefined && tree.parent[rows[at + 1]] === i) grid.go(at + 1);
      } else if (key === 'ArrowLeft' && !flat) {
        if (directory && open[i]) toggle(i); else if (tree.parent[i] >= 0) grid.go(rows.indexOf(tree.parent[i]));
      } else return false;
      return true;
    },
  });

  function toggle(i) {
    open[i] ^= 1;
    rebuild(i);
    describe(i);
  }

  const kinds = { d: 'Directory', f: 'File', h: 'Hard link: another name of a file', l: 'Symbolic link', c: 'Character device', b: 'Block device', p: 'Named pipe' };
  function describe(i) {
    const rows = [['Path', make('code', { text: tree.path(i) })], ['Kind', kinds[tree.kind(i)]]];
    if (tree.links[i] !== undefined) rows.push(['Leads to', make('code', { text: tree.links[i] })]);
    if (tree.devices[i] !== undefined) rows.push(['Device', `major and minor number ${tree.devices[i]}`]);
    rows.push(['Size', tree.isDirectory(i) ? `${bytes(tree.total[i])} in ${counted(tree.files[i], 'file', 'files')}` : `${bytes(tree.total[i])} (${number(tree.total[i])} bytes)`]);
    rows.push(['Mode', make('code', { text: `${permissions(i)}  0${tree.mode(i).toString(8)}` }), tree.capabilities(i) ? ', with file capabilities' : '']);
    rows.push(['Owner', `user ${tree.uid(i)}, group ${tree.gid(i)}`]);
    const at = tree.owner(i);
    rows.push(['Package', at >= 0 ? `${data.packages[at][0]} ${data.packages[at][1]}` : at < -1 ? `none; made by ${ownerName(i)}` : 'none']);
    if (at >= 0 && data.packages[at][2].length) rows.push(['Why', data.packages[at][2].join(' ← ')]);
    const layer = data.layers[tree.layer(i)];
    rows.push(['Layer', layer ? `${tree.layer(i) + 1}, ${layer}` : 'none: the engine makes this directory']);
    detail.replaceChildren(make('dl', { class: 'plain' }, ...rows.flatMap(([term, ...text]) => [make('dt', { text: term }), make('dd', {}, ...text)])));
    detail.hidden = false;
  }

  // Shows a path in the tree.
  function reveal(i, stay) {
    field.value = owner.value = layer.value = '';
    for (let at = tree.parent[i]; at >= 0; at = tree.parent[at]) open[at] = 1;
    if (tree.isDirectory(i)) open[i] = 1;
    rebuild(i);
    describe(i);
    if (!stay) find('files').scrollIntoView();
    find('file-grid').focus({ preventScroll: true });
  }
  // Shows what a package owns; -1: what none does.
  function ofPackage(at) {
    field.value = layer.value = '';
    owner.value = String(at);
    rebuild();
    find('files').scrollIntoView();
    find('file-grid').focus({ preventScroll: true });
  }

  field.addEventListener('input', soon(() => rebuild(), 80));
  for (const choice of [owner, layer, order]) choice.addEventListener('change', () => rebuild());
  for (const button of document.querySelectorAll('[data-package]')) button.addEventListener('click', () => ofPackage(Number(button.dataset.package)));
  // Few directories at the top: what is in them is seen at once.
  for (const i of tree.children(-1)) if (tree.names[i] === 'usr') open[i] = 1;
  rebuild();
  return { reveal, ofPackage };
})();
