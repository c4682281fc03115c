/** Light or dark: as the system says, until the reader chooses. */
function followTheme(changed) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("flowc-theme"); } catch { /* a file may have no storage */ }
  const apply = () => {
    const dark = chosen ? chosen === "dark" : system.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    byId("theme").textContent = dark ? "☀" : "☾";
    changed();
  };
  system.addEventListener("change", apply);
  byId("theme").addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("flowc-theme", chosen); } catch { /* as above */ }
    apply();
  });
  apply();
}
