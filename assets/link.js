// The link to what is on the screen: made, copied, and told to the page around this one, where a Space shows the app
// inside a frame. `window.lapaSpace` is the Space's name ("owner/name"), or undefined anywhere else.
(() => {
  "use strict";
  const HUB = "https://huggingface.co";
  let query = "";

  function isInsideTheHub() {
    if (window.parent === window) return false;
    return (location.ancestorOrigins?.[0] ?? document.referrer).startsWith(HUB);
  }

  // A private Space opens from the hub's page only, so that is the address to give where this is seen there.
  function link() {
    const page = isInsideTheHub() && window.lapaSpace ? `${HUB}/spaces/${window.lapaSpace}` : location.origin + location.pathname;
    return `${page}?${query}`;
  }

  // The hub puts this query into its own address, and hands it back to the frame when the page is opened again.
  function shown(newQuery) {
    query = newQuery;
    if (isInsideTheHub()) window.parent.postMessage({ queryString: query }, HUB);
  }

  // A frame may be denied the clipboard: then the old way is tried, and then the link is shown, selected, to copy by hand.
  async function copy(button) {
    let done = await navigator.clipboard?.writeText(link()).then(() => true, () => false);
    const field = done ? null : showField(button);
    if (field) done = document.execCommand("copy");
    if (!done) return;
    field?.remove();
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy link"), 1600);
  }

  function showField(button) {
    document.querySelector("#link-field")?.remove();
    const field = Object.assign(document.createElement("input"), { id: "link-field", readOnly: true, value: link() });
    field.setAttribute("aria-label", "link to this view");
    field.addEventListener("keydown", (key) => key.key === "Escape" && field.remove());
    button.before(field);
    field.focus();
    field.select();
    return field;
  }

  document.addEventListener("click", (click) => {
    const button = click.target.closest("[data-copy-link]");
    if (button) copy(button);
  });

  window.lapaLink = { shown };
})();
