// Sliders over pictures (book/sliders.py): native range inputs choose which of the images of a slider is shown.
"use strict";

for (const slider of document.querySelectorAll(".slider")) {
  const inputs = [...slider.querySelectorAll("input")];
  const frames = [...slider.querySelectorAll("img")];
  const status = slider.querySelector("[role=status]");
  let pause;

  const show = (input) => {
    const text = JSON.parse(input.dataset.texts)[input.value];
    input.setAttribute("aria-valuetext", text);
    input.nextElementSibling.value = text;
    // One frame for every combination of values, the last parameter running fastest.
    const index = inputs.reduce((sum, each) => sum * (Number(each.max) + 1) + Number(each.value), 0);
    frames.forEach((frame, i) => { frame.hidden = i !== index; });
    clearTimeout(pause); // what the picture shows is read out once the slider rests
    pause = setTimeout(() => { status.textContent = frames[index].alt; }, 700);
  };

  for (const input of inputs) {
    input.addEventListener("input", () => show(input));
  }
  new IntersectionObserver((entries, observer) => {
    if (entries.some((entry) => entry.isIntersecting)) {
      frames.forEach((frame) => { frame.loading = "eager"; });
      observer.disconnect();
    }
  }, { rootMargin: "600px" }).observe(slider);
  slider.querySelector(".controls").hidden = false;
}
