// The tour: opened by its button, leafed through with buttons or arrow keys, closed with Escape. It never opens by itself.
(() => {
  "use strict";
  const WAIT_MS = 8000, LOOK_MS = 120;
  let at = 0, opener = null, asked = 0;

  const panel = () => document.querySelector("#tour");
  const stops = () => [...panel().querySelectorAll("[data-stop]")];
  const isOpen = () => panel() && !panel().hidden;

  function open(button) {
    if (!panel()) return;
    opener = button;
    panel().hidden = false;
    show(at);
  }

  function close() {
    asked += 1;
    point(null);
    panel().hidden = true;
    opener?.focus();
  }

  function show(number) {
    const all = stops();
    at = Math.min(Math.max(number, 0), all.length - 1);
    all.forEach((stop, i) => (stop.hidden = i !== at));
    panel().querySelector("[data-tour-count]").textContent = `${at + 1} of ${all.length}`;
    panel().querySelector('[data-tour-move="-1"]').disabled = at === 0;
    panel().querySelector('[data-tour-move="1"]').textContent = at === all.length - 1 ? "Done" : "Next";
    all[at].querySelector("h2").focus({ preventScroll: true });
    go(all[at]);
  }

  // Open the stop's tab as a visitor would, then wait until what it points at is there.
  async function go(stop) {
    const mine = ++asked, until = performance.now() + WAIT_MS;
    point(null);
    const tab = document.querySelector(`#tab-${stop.dataset.tab}-button`);
    if (tab && tab.getAttribute("aria-selected") !== "true") tab.click();
    while (mine === asked && performance.now() < until) {
      const target = document.querySelector(stop.dataset.pointsAt);
      if (target && target.offsetParent !== null && target.offsetHeight > 20) return void point(target);
      await new Promise((done) => setTimeout(done, LOOK_MS));
    }
  }

  function point(target) {
    document.querySelectorAll(".tour-target").forEach((each) => each.classList.remove("tour-target"));
    if (!target) return;
    target.classList.add("tour-target");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    target.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  }

  function move(by) {
    if (by > 0 && at === stops().length - 1) {
      at = 0;
      return void close();
    }
    show(at + by);
  }

  document.addEventListener("click", ({ target }) => {
    const start = target.closest("[data-tour-start]"), step = target.closest("[data-tour-move]");
    if (start) return void (isOpen() ? close() : open(start));
    if (target.closest("[data-tour-end]")) return void close();
    if (step) move(Number(step.dataset.tourMove));
  });

  document.addEventListener("keydown", (key) => {
    if (!isOpen()) return;
    if (key.key === "Escape") return void close();
    if (!key.target.closest("#tour")) return;
    if (key.key === "ArrowRight") move(1);
    else if (key.key === "ArrowLeft" && at > 0) move(-1);
    else return;
    key.preventDefault();
    key.stopPropagation();
  }, true);
})();
