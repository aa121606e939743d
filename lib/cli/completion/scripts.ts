/** Shells that have a completion. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;

export type Shell = typeof SHELLS[number];

/** Script that teaches a shell to complete the command lines of a program. */
export function completionScript(shell: Shell, program: string): string {
  const name = program.replaceAll("-", "_");
  return SCRIPTS[shell].replaceAll("PROGRAM", program)
    .replaceAll("FUNCTION", name);
}

// The program itself finds the words, so that the scripts stay the same from version to version. The first line that it
// prints says if words or paths of this disk are wanted.
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# Completion of PROGRAM for bash.
# Load it from ~/.bashrc: source <(PROGRAM completion bash)
_FUNCTION() {
  local cur=\${COMP_WORDS[COMP_CWORD]} line=\${COMP_LINE:0:COMP_POINT} mode word
  local -a words
  mapfile -t words < <("\${COMP_WORDS[0]/#\\~/$HOME}" __complete --line="$line" -- "$cur" 2>/dev/null)
  mode=\${words[0]-}
  unset 'words[0]'
  COMPREPLY=("\${words[@]}")
  case $mode in
  files | folders)
    compopt -o filenames 2>/dev/null
    [[ $cur == = ]] && cur=
    if [[ $mode == files ]]; then
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    else
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
    fi
    ;;
  *)
    # Characters that a shell has a meaning for are quoted, unless the word is in quotes.
    if [[ $cur != [\\'\\"]* && \${words[*]} == *[\\(\\)\\&\\;\\!\\*\\?\\[\\<\\>\\|]* ]]; then
      for word in "\${!COMPREPLY[@]}"; do
        printf -v "COMPREPLY[word]" %q "\${COMPREPLY[word]}"
      done
    fi
    [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]-} == *[=.] ]] && compopt -o nospace 2>/dev/null
    ;;
  esac
  return 0
}
complete -F _FUNCTION PROGRAM
`,

  zsh: `#compdef PROGRAM
# Completion of PROGRAM for zsh.
# Put it into a folder of $fpath as _PROGRAM, or load it from ~/.zshrc after compinit:
#   source <(PROGRAM completion zsh)
_FUNCTION() {
  local -a lines found shown open openshown
  local mode line long=
  lines=("\${(@f)$(\${(Q)words[1]} __complete --dotted -- "\${(@Q)words[2,CURRENT-1]}" ".\${(Q)PREFIX}" 2>/dev/null)}")
  mode=$lines[1]
  shift lines
  case $mode in
  files) _files; return ;;
  folders) _files -/; return ;;
  esac
  for line in $lines; do
    local word=\${line%%$'\\t'*} about=\${line#*$'\\t'}
    [[ -n $about ]] && about="$word  -- $about" long=-l || about=$word
    if [[ $word == *[=.] ]]; then
      open+=("$word") openshown+=("$about")
    else
      found+=("$word") shown+=("$about")
    fi
  done
  (( $#open )) && compadd -S '' $long -d openshown -a -- open
  (( $#found )) && compadd $long -d shown -a -- found
}
if [[ $funcstack[1] == _FUNCTION || $funcstack[1] == _PROGRAM ]]; then
  _FUNCTION "$@"
else
  compdef _FUNCTION PROGRAM
fi
`,

  fish: `# Completion of PROGRAM for fish.
# Load it: PROGRAM completion fish > ~/.config/fish/completions/PROGRAM.fish
function __FUNCTION_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (command $words[1] __complete --dotted -- $words[2..-1] .(string unescape -- $current) 2>/dev/null)
    or return
    switch $found[1]
        case files
            __fish_complete_path $current
        case folders
            __fish_complete_directories $current
        case '*'
            printf '%s\\n' $found[2..-1]
    end
end
complete -c PROGRAM -f -a '(__FUNCTION_complete)'
`,

  powershell: `# Completion of PROGRAM for PowerShell.
# Load it from $PROFILE: PROGRAM completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName PROGRAM, PROGRAM.exe -ScriptBlock {
  param($word, $ast, $position)
  $words = @($ast.CommandElements | Select-Object -Skip 1 |
      Where-Object { $_.Extent.EndOffset -lt $position } |
      ForEach-Object { $_.ToString().Trim("'", '"') })
  $typed = $word.Trim("'", '"')
  $mode, $lines = @(& $ast.CommandElements[0].ToString() __complete --dotted '--' @words ".$typed" 2>$null)
  if ($mode -ne 'words') { return }
  foreach ($line in $lines) {
    $value, $about = $line -split "\`t", 2
    if (-not $about) { $about = $value }
    $text = if ($value -match '[\\s@(),;&|]') { "'$value'" } else { $value }
    [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
  }
}
`,
};
