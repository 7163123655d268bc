// Keys for people who answer many requests. Pages work without this file; it moves the focus, ticks and opens.
(() => {
  const typing = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll(".rows .row")];
  const link = (row) => row.querySelector(".what a");
  let last = 0;
  const current = () => {
    const all = rows();
    const at = all.indexOf(document.activeElement?.closest?.(".row"));
    if (at >= 0) last = at;
    return all[Math.min(last, all.length - 1)];
  };
  const step = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement?.closest?.(".row"));
    last = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by));
    link(all[last])?.focus();
  };
  const tick = (row) => row?.querySelector(".tick input");
  const picked = () => document.querySelector(".tick input:checked");
  // Without a choice the keys of an answer mean the row the focus is at; one that cannot be ticked is opened.
  const chosen = () => {
    if (picked()) return true;
    const row = current();
    const box = tick(row);
    if (box?.checkVisibility()) box.checked = true;
    else if (row) link(row).click();
    return Boolean(box);
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "x" && tick(current())) tick(current()).click();
    else {
      const control = document.querySelector(`[aria-keyshortcuts="${CSS.escape(event.key)}"]`);
      if (!control) return;
      if (control.closest(".together") && !chosen()) return;
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
