/* The suggestions below a box: a combobox by keyboard, mouse and finger. Without this file it is a plain box. */
(function () {
  "use strict";

  const listOf = (box) => document.getElementById(box.dataset.suggest);
  const boxOf = (list) => document.querySelector('[data-suggest="' + list.id + '"]');
  const choicesOf = (box) => [...listOf(box).querySelectorAll("[role=option]")];
  const isBox = (element) => element instanceof Element && element.matches("[data-suggest]");
  const isOpen = (box) => !listOf(box).hidden;

  function dress(root) {
    root.querySelectorAll("[data-suggest]").forEach((box) => {
      box.setAttribute("role", "combobox");
      box.setAttribute("aria-autocomplete", "list");
      box.setAttribute("aria-haspopup", "listbox");
      box.setAttribute("aria-controls", box.dataset.suggest);
      box.setAttribute("aria-expanded", "false");
    });
  }

  function tell(box, text) {
    document.getElementById(box.id + "-told").textContent = text;
  }

  function mark(box, chosen) {
    choicesOf(box).forEach((choice) => {
      choice.setAttribute("aria-selected", choice === chosen ? "true" : "false");
    });
    if (chosen) {
      box.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else {
      box.removeAttribute("aria-activedescendant");
    }
  }

  function show(box, on) {
    listOf(box).hidden = !on;
    box.setAttribute("aria-expanded", on ? "true" : "false");
    mark(box, null);
    if (!on) tell(box, "");
  }

  function choose(box, choice) {
    box.value = choice.dataset.query;
    show(box, false);
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }

  function markedIn(box) {
    return choicesOf(box).find((choice) => choice.getAttribute("aria-selected") === "true");
  }

  function step(box, by) {
    const choices = choicesOf(box);
    const at = choices.indexOf(markedIn(box)) + by;
    if (at < -1) mark(box, choices[choices.length - 1]);
    else mark(box, choices[at] || null);
  }

  /* Before page.js: Enter on a suggestion chooses it, and asks nothing yet. */
  document.addEventListener("keydown", (event) => {
    const box = event.target;
    if (!isBox(box) || event.isComposing || !isOpen(box)) return;
    const marked = markedIn(box);
    if (event.key === "ArrowDown") step(box, 1);
    else if (event.key === "ArrowUp") step(box, -1);
    else if (event.key === "Escape") show(box, false);
    else if (event.key === "Enter" && marked) choose(box, marked);
    else {
      if (event.key === "Enter" || event.key === "Tab") show(box, false);
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("mousedown", (event) => {
    if (event.target.closest(".suggest-list")) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const choice = event.target.closest(".suggest-list [role=option]");
    if (choice) choose(boxOf(choice.parentElement), choice);
  });
  document.addEventListener("focusout", (event) => {
    if (isBox(event.target)) show(event.target, false);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const list = event.detail.target; /* none where a stream of events swapped something */
    if (!list || !list.matches(".suggest-list")) return;
    const box = boxOf(list);
    const number = choicesOf(box).length;
    show(box, number > 0 && document.activeElement === box);
    if (isOpen(box)) {
      tell(box, number + (number === 1 ? " suggestion" : " suggestions") + ". Choose with the arrow keys and Enter.");
    }
  });
  document.addEventListener("htmx:load", (event) => dress(event.detail.elt));
  document.addEventListener("DOMContentLoaded", () => dress(document));
})();
