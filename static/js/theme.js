/* Runs before the page is painted, so that a theme chosen by hand does not flash. */
(function () {
  "use strict";
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
  } catch (error) {
    /* Storage is closed to us: the system decides. */
  }
})();
