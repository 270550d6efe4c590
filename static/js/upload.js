/* One request per file, with its progress. Without this file the form sends all files at once. */
(function () {
  "use strict";
  const AT_ONCE = 2;

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.getElementById("upload");
    if (!form || !window.FormData || !window.XMLHttpRequest) return;
    const input = form.querySelector('input[type="file"]');
    const list = form.querySelector(".uploads");
    const waiting = [];
    let running = 0;
    let accepted = 0;

    function row(file) {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = file.name;
      const bar = document.createElement("progress");
      bar.max = 1;
      bar.value = 0;
      bar.setAttribute("aria-label", "Upload of " + file.name);
      const told = document.createElement("span");
      told.className = "told";
      told.textContent = "Waiting";
      item.append(name, bar, told);
      list.append(item);
      return { item, bar, told };
    }

    function finish(shown, ok, message) {
      shown.item.className = ok ? "good" : "bad";
      shown.told.textContent = message;
      shown.bar.remove();
      if (ok) accepted += 1;
      running -= 1;
      next();
    }

    function answer(request) {
      try {
        const told = JSON.parse(request.responseText);
        if (typeof told.message === "string") return told;
      } catch (error) {
        /* Not one of our answers: a proxy's, or a page. */
      }
      if (request.status === 413) return { ok: false, message: "The file is too large. Split it and upload its parts." };
      if (request.status === 403) return { ok: false, message: "You may not upload here any more. Reload the page." };
      return { ok: false, message: "The server did not take the file (" + request.status + "). Try it again." };
    }

    function send(file, shown) {
      const request = new XMLHttpRequest();
      const data = new FormData();
      data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      data.append("tags", form.elements.tags.value);
      data.append("files", file, file.name);
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) shown.bar.value = event.loaded / event.total;
        shown.told.textContent = event.loaded === event.total ? "Checking" : "Uploading";
      });
      request.addEventListener("load", () => {
        const told = answer(request);
        finish(shown, request.status === 200 && told.ok, told.message);
      });
      request.addEventListener("error", () => finish(shown, false, "The connection broke. The file was not taken: try it again."));
      request.open("POST", form.action);
      request.setRequestHeader("Accept", "application/json");
      request.send(data);
    }

    function next() {
      while (running < AT_ONCE && waiting.length) {
        const [file, shown] = waiting.shift();
        running += 1;
        send(file, shown);
      }
      if (running === 0 && accepted) {
        accepted = 0;
        window.htmx.trigger("#documents", "uploaded");
      }
    }

    function take(files) {
      const limit = Number(form.dataset.maxMb) * 1024 * 1024;
      for (const file of files) {
        const shown = row(file);
        if (file.size > limit) {
          running += 1;
          finish(shown, false, "“" + file.name + "” is larger than " + form.dataset.maxMb + " MB. Split it and upload its parts.");
        } else {
          waiting.push([file, shown]);
        }
      }
      next();
    }

    form.addEventListener("submit", (event) => {
      if (!input.files.length) return;
      event.preventDefault();
      take([...input.files]);
      input.value = "";
    });
    input.addEventListener("change", () => { if (input.files.length) form.requestSubmit(); });

    for (const name of ["dragenter", "dragover"]) {
      form.addEventListener(name, (event) => { event.preventDefault(); form.classList.add("is-over"); });
    }
    for (const name of ["dragleave", "drop"]) {
      form.addEventListener(name, () => form.classList.remove("is-over"));
    }
    form.addEventListener("drop", (event) => {
      event.preventDefault();
      take([...event.dataTransfer.files]);
    });
    window.addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });
  });
})();
