// What the page was made with, and small things that every part needs. Text from an image becomes a text
// node and nothing else: no part of this script writes HTML.
const data = JSON.parse(document.getElementById('data').textContent);
const find = (id) => document.getElementById(id);

// An element: attributes by name, `class` and `text` too; children are elements or text.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'text') element.textContent = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children);
  return element;
}

// 12.3 MB, as src/size.rs.
function bytes(n) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = n, unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) { value /= 1000; unit += 1; }
  if (unit === 0) return `${n} B`;
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${units[unit]}`;
}
const number = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ',');
const counted = (n, one, many) => `${number(n)} ${n === 1 ? one : many}`;
const share = (part, whole) => (whole ? `${(100 * part / whole).toFixed(part / whole < 0.0995 ? 1 : 0)} %` : '0 %');

// Runs `action` once the calls have paused.
function soon(action, milliseconds) {
  let timer = 0;
  return () => { clearTimeout(timer); timer = setTimeout(action, milliseconds); };
}

// The tree: rows in the order of a walk, so that what is in directory i are the rows i + 1 to end[i] - 1.
const tree = (() => {
  const { names, depths, sizes, fact, facts, links, devices } = data.files;
  const count = names.length;
  const parent = new Int32Array(count).fill(-1), end = new Int32Array(count).fill(count);
  const total = Float64Array.from(sizes), files = new Int32Array(count);
  const above = [];
  for (let i = 0; i < count; i += 1) {
    while (above.length > depths[i]) end[above.pop()] = i;
    if (above.length) parent[i] = above[above.length - 1];
    above.push(i);
  }
  for (let i = count - 1; i >= 0; i -= 1) {
    if (facts[fact[i]][0] !== 'd') files[i] = 1;
    if (parent[i] >= 0) { total[parent[i]] += total[i]; files[parent[i]] += files[i]; }
  }
  const children = (i) => {
    const out = [];
    for (let at = i + 1, last = i < 0 ? count : end[i]; at < last; at = end[at]) out.push(at);
    return out;
  };
  const path = (i) => { let out = ''; for (let at = i; at >= 0; at = parent[at]) out = `/${names[at]}${out}`; return out; };
  return {
    count, names, depths, parent, end, total, files, links, devices, children, path,
    kind: (i) => facts[fact[i]][0], mode: (i) => facts[fact[i]][1], uid: (i) => facts[fact[i]][2], gid: (i) => facts[fact[i]][3],
    layer: (i) => facts[fact[i]][4], owner: (i) => facts[fact[i]][5], capabilities: (i) => facts[fact[i]][6] === 1,
    isDirectory: (i) => facts[fact[i]][0] === 'd',
    all: () => ({ total: children(-1).reduce((n, i) => n + total[i], 0), files: children(-1).reduce((n, i) => n + files[i], 0) }),
  };
})();
const ownerName = (i) => {
  const at = tree.owner(i);
  return at >= 0 ? data.packages[at][0] : at < -1 ? data.files.makers[-2 - at] : '';
};
