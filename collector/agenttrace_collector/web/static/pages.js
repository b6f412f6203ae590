// Draws each chart from the JSON beside it, in the colours of the style sheet, and again when these change.
"use strict";

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function trace(given, narrow) {
  const own = colour(`--c${((given.meta || 1) - 1) % 5 + 1}`);
  if (given.type === "heatmap") {
    return { ...given, colorscale: [[0, colour("--low")], [1, colour("--high")]], zmin: 0, zmax: 100, showscale: !narrow, colorbar: { tickfont: { color: colour("--text") } } };
  }
  return { ...given, marker: { color: own, size: 7 }, line: { color: own } };
}

function axis(more) {
  return { gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--quiet"), automargin: true, ...more };
}

// A single time has no range of its own: half a day before and after it.
function around(data) {
  const times = new Set(data.flatMap((each) => each.x || []));
  if (times.size !== 1) return {};
  const [at] = [...times].map((time) => new Date(time).getTime());
  return { range: [-1, 1].map((side) => new Date(at + side * 12 * 3_600_000).toISOString()) };
}

function draw(plot) {
  const spec = JSON.parse(plot.nextElementSibling.textContent);
  const narrow = plot.clientWidth < 480;
  const timed = spec.data.some((each) => each.x && /^\d{4}-\d\d-\d\dT/.test(each.x[0]));
  const layout = {
    margin: { l: 48, r: 12, t: 8, b: 40 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--text"), size: 12 },
    showlegend: spec.data.length > 1,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: axis({ nticks: narrow ? 4 : 8, tickangle: 0, ...(timed ? { tickformat: "%b %d\n%H:%M", ...around(spec.data) } : {}) }),
    yaxis: axis({}),
    ...spec.layout,
  };
  plot.querySelector(".loading")?.remove();
  Plotly.react(plot, spec.data.map((each) => trace(each, narrow)), layout, { displayModeBar: false, responsive: true });
}

function drawAll() {
  document.querySelectorAll(".plot").forEach(draw);
  document.documentElement.dataset.drawn = "yes";
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
