/* Small comforts. Every page works without this file. */
(function () {
  "use strict";

  function reveal(root) {
    root.querySelectorAll("[data-js]").forEach((element) => { element.hidden = false; });
    root.querySelectorAll("[data-bulk]").forEach((element) => { element.hidden = true; });
  }

  function chooseTheme(choice) {
    if (choice) document.documentElement.dataset.theme = choice;
    else delete document.documentElement.dataset.theme;
    try {
      if (choice) localStorage.setItem("theme", choice);
      else localStorage.removeItem("theme");
    } catch (error) {
      /* Storage is closed to us: the choice holds for this page. */
    }
  }

  function textOf(element) {
    if ("value" in element) return element.value;
    const copy = element.cloneNode(true);
    copy.querySelectorAll(".cite-card, .unseen").forEach((part) => part.remove());
    copy.querySelectorAll(".cite").forEach((mark) => { mark.textContent = "[" + mark.textContent.trim() + "]"; });
    return copy.textContent.trim();
  }

  async function copyFrom(button) {
    const source = document.querySelector(button.dataset.copy);
    if (!source) return;
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(textOf(source));
      button.textContent = "Copied";
    } catch (error) {
      if (source.select) source.select();
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = label; }, 2000);
  }

  /* Numbers count within a turn of the conversation: those of another one stay as they are. */
  function light(target, number, on) {
    const turn = target.closest(".turn") || document;
    turn.querySelectorAll('[data-number="' + number + '"]').forEach((element) => {
      if (element.closest(".turn") === target.closest(".turn")) element.classList.toggle("is-lit", on);
    });
  }

  function numberOf(event) {
    const element = event.target.closest && event.target.closest("[data-number]");
    return element ? element.dataset.number : null;
  }

  for (const [name, on] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]]) {
    document.addEventListener(name, (event) => {
      const number = numberOf(event);
      if (number) light(event.target, number, on);
      const cited = event.target.closest && event.target.closest(".cited");
      if (cited && !on) cited.classList.remove("is-dismissed");
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      document.querySelectorAll(".cited:hover, .cited:focus-within").forEach((cited) => cited.classList.add("is-dismissed"));
      document.querySelectorAll("details.menu[open]").forEach((menu) => {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
    }
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.matches("[data-submit-on-enter]")) {
      event.preventDefault();
      const form = event.target.form;
      form.requestSubmit(form.querySelector("[data-default]"));
    }
  });

  /* A finger has no hover: the first tap on a citation shows its passage, the second opens the document. */
  let touched = null;
  document.addEventListener("pointerdown", (event) => {
    const cite = event.pointerType === "touch" && event.target.closest(".cite");
    touched = cite && document.activeElement !== cite ? cite : null;
  });

  document.addEventListener("click", (event) => {
    const cite = event.target.closest(".cite");
    if (cite && cite === touched) {
      event.preventDefault();
      cite.focus();
    }
    touched = null;
    const theme = event.target.closest("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    const copy = event.target.closest("[data-copy]");
    if (copy) copyFrom(copy);
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  document.addEventListener("change", (event) => {
    const all = event.target.closest("[data-check-all]");
    const scope = event.target.closest("form");
    if (!scope) return;
    const boxes = [...scope.querySelectorAll("[data-check]")];
    if (all) boxes.forEach((box) => { box.checked = all.checked; });
    const count = boxes.filter((box) => box.checked).length;
    scope.querySelectorAll("[data-bulk]").forEach((element) => {
      element.hidden = count === 0;
      element.querySelectorAll("[data-bulk-count]").forEach((place) => {
        place.textContent = count === 1 ? "1 document" : count + " documents";
      });
    });
  });

  document.addEventListener("htmx:load", (event) => reveal(event.detail.elt));
  document.addEventListener("DOMContentLoaded", () => {
    reveal(document);
    const passage = document.getElementById("passage");
    if (passage && location.hash === "#passage") passage.scrollIntoView({ block: "center" });
    const error = document.getElementById("error");
    if (error) error.focus({ preventScroll: false });
  });
})();
