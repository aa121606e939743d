const ROOT = new URL("../../", import.meta.url);

/** Path of a linted file in the repository, with "/" on every system. */
export function pathOf(filename: string): string {
  const path = filename.replaceAll("\\", "/");
  // On Windows the path of a URL has a slash before the drive.
  const root = decodeURIComponent(ROOT.pathname).replace(/^\/(?=[A-Z]:)/i, "");
  return path.startsWith(root) ? path.slice(root.length) : path;
}
