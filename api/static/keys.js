// Keys for people who answer many requests. Pages work without this file; it only moves the focus and opens links.
(() => {
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll(".rows .row .what a")];
  const step = (by) => {
    const links = rows();
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + by))].focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else {
      const control = document.querySelector(`[aria-keyshortcuts="${CSS.escape(event.key)}"]`);
      if (!control) return;
      // The key goes to the control and never presses it: an answer is given on purpose.
      control.focus();
      const sheet = control.closest("details");
      if (sheet && control.matches("summary")) {
        sheet.open = true;
        sheet.querySelector("textarea, input:not([type=hidden])")?.focus();
      }
    }
    event.preventDefault();
  });
})();
