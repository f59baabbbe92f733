import { allFlags, type CompletedCommand, type CompletedFlag, type CompletionModel } from './model';

/** For bash 3.2 and later: macOS has no newer one. */
export function bashScript(model: CompletionModel): string {
  const words = model.commands.map(({ name }) => name).join(' ');
  const values = allFlags(model).filter(({ value }) => value !== 'none');
  return `# Completions of ${model.program} for bash. Load them with:  eval "$(${model.program} completions bash)"
_ao_migrate() {
  local cur prev command word skip i operands
  COMPREPLY=()
  cur="\${COMP_WORDS[COMP_CWORD]}"
  prev="\${COMP_WORDS[COMP_CWORD-1]}"
  # bash takes --flag=value apart at the equals sign.
  if [ "$cur" = "=" ]; then cur=""
  elif [ "$prev" = "=" ] && [ "$COMP_CWORD" -gt 1 ]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  case "$prev" in
${values.map(valueCase).join('\n')}
  esac
  command=""
  operands=0
  skip=""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if [ -n "$skip" ]; then
      [ "$word" = "=" ] || skip=""
      continue
    fi
    case "$word" in
      ${model.valueFlags.join('|')}) skip=1 ;;
      -*) ;;
      *) if [ -z "$command" ]; then command="$word"; else operands=$((operands + 1)); fi ;;
    esac
  done
  if [ -z "$command" ]; then
    case "$cur" in
      -*) ;;
      *)
        COMPREPLY=($(compgen -W "${words}" -- "$cur"))
        return
        ;;
    esac
  fi
  case "\${command:-${model.standard}}" in
${model.commands.map(commandCase).join('\n')}
  esac
}
complete -F _ao_migrate ${model.program}
`;
}

function valueCase({ name, value, choices }: CompletedFlag): string {
  const lines = {
    choice: [`COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$cur"))`],
    file: pathLines('-f'),
    directory: pathLines('-d'),
    free: [],
    none: [],
  }[value];
  return [`    --${name})`, ...[...lines, 'return', ';;'].map((line) => `      ${line}`)].join('\n');
}

function pathLines(kind: '-f' | '-d'): readonly string[] {
  return ['compopt -o filenames 2>/dev/null', "local IFS=$'\\n'", `COMPREPLY=($(compgen ${kind} -- "$cur"))`];
}

function commandCase({ name, operand, flags }: CompletedCommand): string {
  const words = flags.flatMap((flag) => [`--${flag.name}`, ...(flag.short === null ? [] : [`-${flag.short}`])]);
  const offer = `COMPREPLY=($(compgen -W "${words.join(' ')}" -- "$cur"))`;
  if (operand === null) return `    ${name}) ${offer} ;;`;
  return `    ${name})
      case "$cur" in
        -*) ${offer} ;;
        *) [ "$operands" -gt 0 ] || COMPREPLY=($(compgen -W "${operand.choices.join(' ')}" -- "$cur")) ;;
      esac
      ;;`;
}
