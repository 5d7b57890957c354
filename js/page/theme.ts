/** Light or dark: as the system says, until someone turns it. */
import { effect, signal } from "@preact/signals";

type Theme = "light" | "dark";

const KEY = "edgebatch-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemTheme = (): Theme => (system.matches ? "dark" : "light");

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null;
  }
}

export const theme = signal<Theme>(stored() ?? systemTheme());

system.addEventListener("change", () => {
  if (stored() === null) theme.value = systemTheme();
});
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function turnTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // It holds for this visit then.
  }
}
