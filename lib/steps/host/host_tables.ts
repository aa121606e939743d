/** Homes of the users in /etc/passwd. */
export function homesOf(): ReadonlySet<string> {
  const homes = new Set(["/root", "/home"]);
  for (const line of linesOf("/etc/passwd")) {
    const home = line.split(":")[5];
    if (home?.startsWith("/") === true) {
      homes.add(home.replace(/(.)\/+$/, "$1"));
    }
  }
  return homes;
}

/** Paths where file systems are mounted. */
export function mountPointsOf(): ReadonlySet<string> {
  const points = new Set(["/"]);
  for (const line of linesOf("/proc/self/mountinfo")) {
    const point = line.split(" ")[4];
    if (point !== undefined) points.add(unescaped(point));
  }
  return points;
}

/** The kernel writes blanks and backslashes as octal digits. */
function unescaped(text: string): string {
  return text.replace(
    /\\([0-7]{3})/g,
    (_, digits) => String.fromCharCode(parseInt(digits, 8)),
  );
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n");
  } catch {
    return [];
  }
}
