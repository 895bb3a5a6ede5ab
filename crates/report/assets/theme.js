// Light, dark, or what the system wants. Remembered where a page from a file may remember.
(() => {
  const key = 'distil-report-theme';
  const choose = (theme) => { document.documentElement.dataset.theme = theme; };
  let kept = null;
  try { kept = localStorage.getItem(key); } catch { /* forbidden for this page: the choice lasts as long as it is open */ }
  for (const input of document.querySelectorAll('input[name="theme"]')) {
    if (input.value === kept) { input.checked = true; choose(kept); }
    input.addEventListener('change', () => {
      choose(input.value);
      try { localStorage.setItem(key, input.value); } catch { /* as above */ }
    });
  }
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', async () => {
      let said = 'Copied';
      try { await navigator.clipboard.writeText(button.dataset.copy); } catch {
        getSelection().selectAllChildren(button.previousElementSibling);
        said = 'Selected';
      }
      button.textContent = said;
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
  }
  // The part in sight is marked in the navigation.
  const links = new Map([...document.querySelectorAll('.parts a')].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute('aria-current');
      links.get(target.id)?.setAttribute('aria-current', 'true');
    }
  }, { rootMargin: '-20% 0px -75% 0px' });
  for (const id of links.keys()) seen.observe(find(id));
})();
