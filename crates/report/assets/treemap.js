// Squarified treemap (Bruls, Huizing, van Wijk 2000): rectangles [x, y, width, height], as square as they get,
// one for each of `values`, which are sorted from the largest and fill the whole.
function squarify(values, x, y, width, height) {
  const out = [];
  let left = values.reduce((a, b) => a + b, 0), at = 0;
  while (at < values.length) {
    const scale = left > 0 ? width * height / left : 0;
    const side = Math.min(width, height);
    const worst = (sum, largest, smallest) => {
      const area = sum * scale;
      return Math.max(side * side * largest * scale / (area * area), area * area / (side * side * smallest * scale));
    };
    let sum = values[at], end = at + 1;
    while (end < values.length && worst(sum + values[end], values[at], values[end]) <= worst(sum, values[at], values[end - 1])) sum += values[end++];
    // A row along the shorter side.
    const thick = end === values.length ? Math.max(width, height) : sum * scale / side;
    let along = 0;
    for (; at < end; at += 1) {
      const long = sum > 0 ? side * values[at] / sum : 0;
      out.push(width >= height ? [x, y + along, thick, long] : [x + along, y, long, thick]);
      along += long;
    }
    if (width >= height) { x += thick; width -= thick; } else { y += thick; height -= thick; }
    left -= sum;
  }
  return out;
}

// The map: by directory or by package; a tile leads into what it is made of.
(() => {
  const map = find('map'), trail = find('map-trail'), status = find('map-status'), table = find('map-table').tBodies[0], up = find('map-up');

  const directory = (i) => ({
    label: tree.names[i] + (tree.isDirectory(i) ? '/' : ''), size: tree.total[i], files: tree.files[i], file: i,
    parts: tree.isDirectory(i) ? () => tree.children(i).map(directory) : null,
  });
  let owned = null;
  const packageFiles = (at) => {
    if (!owned) {
      owned = new Map();
      for (let i = 0; i < tree.count; i += 1) {
        if (tree.isDirectory(i)) continue;
        const of = Math.max(tree.owner(i), -1);
        if (!owned.has(of)) owned.set(of, []);
        owned.get(of).push(i);
      }
    }
    return owned.get(at) || [];
  };
  const leaf = (i) => ({ label: tree.path(i), short: tree.names[i], size: tree.total[i], files: 1, file: i, parts: null });
  const ownedBy = (label, at) => {
    const list = packageFiles(at);
    return { label, size: list.reduce((n, i) => n + tree.total[i], 0), files: list.length, file: -1, parts: () => list.map(leaf) };
  };
  const whole = { size: tree.all().total, files: tree.all().files, file: -1 };
  const roots = {
    directory: { ...whole, label: 'All files', parts: () => tree.children(-1).map(directory) },
    package: { ...whole, label: 'All packages', parts: () => [...data.packages.map(([name], at) => ownedBy(name, at)), ownedBy('no package', -1)] },
  };

  // The parts worth a tile, from the largest; the small ones together.
  function parts(node, most, least) {
    const all = node.parts().filter((p) => p.size > 0).sort((a, b) => b.size - a.size);
    const sum = all.reduce((n, p) => n + p.size, 0);
    let keep = all.findIndex((p, i) => i >= most || p.size < sum * least);
    if (keep < 0 || keep + 1 >= all.length) keep = all.length;
    const rest = all.slice(keep);
    const out = all.slice(0, keep);
    if (rest.length) {
      out.push({
        label: `${number(rest.length)} smaller`, rest: true, file: -1, parts: null,
        size: rest.reduce((n, p) => n + p.size, 0), files: rest.reduce((n, p) => n + p.files, 0),
      });
    }
    // The small ones together may be larger than any: the layout wants them in order.
    return out.sort((a, b) => b.size - a.size);
  }

  let way = [roots[document.querySelector('input[name="map-by"]:checked').value]], shown = [];
  const place = (element, [x, y, w, h], wide, high) => Object.assign(element.style, {
    left: `${100 * x / wide}%`, top: `${100 * y / high}%`, width: `${100 * w / wide}%`, height: `${100 * h / high}%`,
  });
  const spoken = (node) => `${node.label}, ${bytes(node.size)}, ${share(node.size, way[way.length - 1].size)}, ${counted(node.files, 'file', 'files')}`;

  // What a part is made of, drawn into it, and what that is made of, while there is room.
  function inside(box, node, name, [x, y, w, h], depth, hue) {
    if (!node.parts || w < 70 || h < 60 || depth > 3) return;
    const strip = depth ? 19 : 22, gap = 3, list = parts(node, 100, 0.003);
    const rects = squarify(list.map((p) => p.size), x + gap, y + strip, w - 2 * gap - 1, h - strip - gap - 1);
    list.forEach((p, at) => {
      const [px, py, pw, ph] = [rects[at][0], rects[at][1], rects[at][2] - 2, rects[at][3] - 2];
      if (pw < 2 || ph < 2) return;
      const path = p.parts ? `${name}${p.label}` : `${name.endsWith('/') ? name : `${name}: `}${p.label}`;
      const part = make('i', { class: `d${depth % 2} ${hue(at)}`, 'aria-hidden': 'true', title: `${path}, ${bytes(p.size)}` });
      if (pw > 38 && ph > 16) part.textContent = p.short || p.label;
      place(part, [px, py, pw, ph], box.wide, box.high);
      box.append(part);
      inside(box, p, path, [px, py, pw, ph], depth + 1, () => hue(at));
    });
  }

  function tile(node, rect, i, wide, high) {
    const [, , w, h] = rect;
    const box = make('div', { class: `tile ${node.rest ? 'rest' : `c${i % 10}`}`, title: spoken(node) });
    place(box, rect, wide, high);
    [box.wide, box.high] = [w, h];
    // What is seen is the beginning of what is said.
    const label = node.short || node.label, seen = w > 34 && h > 20, sized = seen && w > 110;
    box.append(make('button', { type: 'button', tabindex: i === 0 ? 0 : -1 },
      make('b', { class: seen ? null : 'sr', text: label }, sized ? make('small', { text: bytes(node.size) }) : ''),
      make('span', { class: 'sr', text: `${sized ? '' : `, ${bytes(node.size)}`}, ${share(node.size, way[way.length - 1].size)}, ${counted(node.files, 'file', 'files')}` })));
    // Where one part is nearly all, what it is made of has the colours.
    const own = node.rest ? 'rest' : `c${i % 10}`;
    inside(box, node, node.label, [0, 0, w, h], 0, (at) => (w * h > 0.6 * wide * high ? `c${at % 10}` : own));
    box.addEventListener('click', () => enter(node));
    return box;
  }

  function draw(focus) {
    const node = way[way.length - 1], wide = map.clientWidth || 960, high = map.clientHeight || 480;
    shown = parts(node, 90, 0.0015);
    const rects = squarify(shown.map((p) => p.size), 0, 0, wide, high);
    map.replaceChildren(...shown.map((p, i) => tile(p, rects[i], i, wide, high)));
    trail.replaceChildren(...way.map((step, i) => make('li', {}, i + 1 === way.length
      ? make('span', { 'aria-current': 'true', text: step.label })
      : link(step.label, () => { way = way.slice(0, i + 1); draw(true); }))));
    up.disabled = way.length === 1;
    status.textContent = `${node.label}: ${bytes(node.size)}, ${counted(node.files, 'file', 'files')}`;
    table.replaceChildren(...shown.map((p) => make('tr', {},
      make('th', { scope: 'row' }, p.parts || p.file >= 0 ? link(p.label, () => enter(p)) : p.label),
      make('td', { class: 'n', text: bytes(p.size) }), make('td', { class: 'n', text: share(p.size, node.size) }), make('td', { class: 'n', text: number(p.files) }))));
    if (focus) map.querySelector('button')?.focus({ preventScroll: true });
  }
  function link(text, action) {
    const button = make('button', { type: 'button', class: 'link', text });
    button.addEventListener('click', action);
    return button;
  }
  function enter(node) {
    if (node.parts) {
      way.push(node);
      // A directory with nothing but a directory in it is passed through.
      for (let only = onlyPart(node); only; only = onlyPart(only)) way.push(only);
      draw(true);
    } else if (node.file >= 0) explorer.reveal(node.file);
  }
  function leave() {
    if (way.length === 1) return;
    do way.pop(); while (way.length > 1 && onlyPart(way[way.length - 1]));
    draw(true);
  }
  function onlyPart(node) {
    const all = node.parts();
    return all.length === 1 && all[0].parts ? all[0] : null;
  }

  up.addEventListener('click', leave);
  map.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' || event.key === 'Backspace') { leave(); event.preventDefault(); return; }
    const tiles = [...map.querySelectorAll('button')], at = tiles.indexOf(document.activeElement);
    if (at < 0) return;
    let to = -1;
    if (event.key === 'Home') to = 0;
    else if (event.key === 'End') to = tiles.length - 1;
    else if (event.key.startsWith('Arrow')) to = nearest(tiles, at, event.key);
    else return;
    event.preventDefault();
    if (to < 0) return;
    tiles[at].tabIndex = -1;
    tiles[to].tabIndex = 0;
    tiles[to].focus({ preventScroll: true });
  });
  // The tile whose middle is nearest in the direction of the key.
  function nearest(tiles, at, key) {
    const middles = tiles.map((t) => { const r = t.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; });
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    let best = -1, least = Infinity;
    middles.forEach(([x, y], i) => {
      const [ox, oy] = [x - middles[at][0], y - middles[at][1]];
      const ahead = ox * dx + oy * dy, aside = Math.abs(ox * dy) + Math.abs(oy * dx);
      if (i !== at && ahead > 1 && ahead + 2 * aside < least) { least = ahead + 2 * aside; best = i; }
    });
    return best;
  }
  for (const input of document.querySelectorAll('input[name="map-by"]')) input.addEventListener('change', () => { way = [roots[input.value]]; draw(false); });
  let width = 0;
  new ResizeObserver(() => {
    if (map.clientWidth === width) return;
    width = map.clientWidth;
    draw(map.contains(document.activeElement));
  }).observe(map);
})();
