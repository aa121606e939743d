/** Programs that run whatever they are told, by the beginnings of their names. */
const INTERPRETERS: readonly RegExp[] = [
  /^(?:ba|da|a|k|mk|z|c|tc|fi)?sh(?:[\d.-]|$)/,
  /^(?:cmd|powershell|pwsh|wscript|cscript|mshta|rundll32)(?:[\d.-]|$)/,
  /^(?:python|perl|ruby|node|nodejs|deno|bun|php|lua|luajit|tclsh|wish|expect|guile|gawk|mawk|nawk|awk|sed|java|busybox|toybox)(?:[\d.-]|$)/,
  /^(?:env|xargs|nohup|nice|ionice|chrt|taskset|flock|setsid|timeout|time|stdbuf|watch|strace|ltrace|gdb|script|parallel|chroot|unshare|nsenter|systemd-run|start-stop-daemon|run-parts|su|sudo|doas|pkexec|runuser|setpriv|ssh|socat|nc|ncat|at|batch|crontab|make|vi|vim|nano|emacs|ed|less|more|man|tmux|screen|find|tar|rsync|git|docker|podman|nerdctl|kubectl|ld)(?:[\d.-]|$)/,
];

/** True if a program of this name or path runs whatever its arguments say. */
export function isInterpreter(program: string): boolean {
  const name = program.split(/[/\\]/).at(-1)?.toLowerCase() ?? "";
  return INTERPRETERS.some((each) => each.test(name));
}
