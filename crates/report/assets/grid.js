// A list of which only the rows in sight exist: a hundred thousand cost as much as thirty. To assistive
// technology it is a grid or a treegrid (WAI-ARIA 1.2) whose focus stays on the box while
// aria-activedescendant names the row.
function rowsOf(box, { role, label, columns, fill, choose, press }) {
  const height = Math.round(parseFloat(getComputedStyle(document.documentElement).fontSize) * 1.9);
  const head = make('div', { class: 'row head', role: 'row', 'aria-rowindex': 1 },
    ...columns.map(([title, kind]) => make('div', { role: 'columnheader', class: kind, text: title })));
  head.style.height = `${height}px`;
  const body = make('div', {});
  let count = 0, active = -1, drawn = '';
  box.setAttribute('role', role);
  box.setAttribute('aria-label', label);
  box.tabIndex = 0;
  box.replaceChildren(head, body);

  const rowId = (i) => `${box.id}-${i}`;
  function draw(force) {
    const first = Math.max(0, Math.floor(box.scrollTop / height) - 8);
    const last = Math.min(count, Math.ceil((box.scrollTop + box.clientHeight) / height) + 8);
    const state = `${first} ${last} ${active}`;
    if (state === drawn && !force) return;
    drawn = state;
    const rows = [];
    for (let i = first; i < last; i += 1) {
      const row = make('div', { class: 'row data', role: 'row', id: rowId(i), 'aria-rowindex': i + 2, 'aria-selected': String(i === active) });
      row.style.height = row.style.lineHeight = `${height}px`;
      row.style.top = `${i * height}px`;
      fill(i, row, (kind, ...content) => row.append(make('div', { role: 'gridcell', class: kind }, ...content)));
      rows.push(row);
    }
    body.replaceChildren(...rows);
    if (active >= first && active < last) box.setAttribute('aria-activedescendant', rowId(active));
    else box.removeAttribute('aria-activedescendant');
  }

  // New rows; `at` becomes the active one.
  function renew(n, at) {
    count = n;
    active = Math.min(at, n - 1);
    box.setAttribute('aria-rowcount', n + 1);
    if (n) body.setAttribute('role', 'rowgroup'); else body.removeAttribute('role');
    body.style.height = `${n * height}px`;
    if (active >= 0) show(active); else box.scrollTop = 0;
    draw(true);
  }
  function show(i) {
    const top = i * height;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + 2 * height > box.scrollTop + box.clientHeight) box.scrollTop = top + 2 * height - box.clientHeight;
  }
  function go(i) {
    if (!count) return;
    active = Math.max(0, Math.min(count - 1, i));
    show(active);
    draw(true);
    choose?.(active);
  }

  let waiting = false;
  box.addEventListener('scroll', () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(false); });
  }, { passive: true });
  new ResizeObserver(() => draw(false)).observe(box);
  box.addEventListener('click', (event) => {
    const row = event.target.closest('.row.data');
    if (!row) return;
    const i = Number(row.id.slice(box.id.length + 1));
    const twice = i === active;
    go(i);
    press?.(event.target.closest('.twist') ? 'twist' : twice ? 'again' : 'click', i);
  });
  box.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(box.clientHeight / height) - 2);
    const steps = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + page, PageUp: active - page, Home: 0, End: count - 1 };
    if (event.key in steps) go(steps[event.key]);
    else if (active < 0 || !press?.(event.key, active)) return;
    event.preventDefault();
  });
  return { renew, go, active: () => active };
}

// Text with the parts that were searched for marked.
function marked(text, words) {
  const word = words.length === 1 ? words[0] : '';
  const at = word ? text.toLowerCase().indexOf(word) : -1;
  if (at < 0) return [text];
  return [text.slice(0, at), make('mark', { text: text.slice(at, at + word.length) }), text.slice(at + word.length)];
}
