import type { CompletedCommand, CompletedFlag, CompletionModel } from './model';

export function zshScript(model: CompletionModel): string {
  const described = model.commands.map(({ name, description }) => `    ${quoted(`${name}:${escaped(description)}`)}`);
  return `#compdef ${model.program}
# Completions of ${model.program} for zsh. Load them with:  source <(${model.program} completions zsh)
# or put this file as _${model.program} into a folder of $fpath.
_ao_migrate_commands() {
  local -a commands
  commands=(
${described.join('\n')}
  )
  _describe command commands
}
_ao_migrate() {
  local curcontext="$curcontext" command word skip
  local -A opt_args
  integer i
  for (( i = 2; i < CURRENT; i++ )); do
    word="\${words[i]}"
    if [[ -n "$skip" ]]; then
      skip=
      continue
    fi
    case "$word" in
      ${model.valueFlags.join('|')}) skip=1 ;;
      -*) ;;
      *)
        command="$word"
        break
        ;;
    esac
  done
  if [[ -z "$command" ]]; then
    _arguments -S : \\
${specs(model, model.standard)} \\
      '1:command:_ao_migrate_commands'
    return
  fi
  case "$command" in
${model.commands.map((command) => commandCase(model, command)).join('\n')}
  esac
}
if [[ "$funcstack[1]" = _ao_migrate ]]; then
  _ao_migrate "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _ao_migrate ${model.program}
fi
`;
}

function commandCase(model: CompletionModel, { name, operand }: CompletedCommand): string {
  const rest = operand === null ? '' : ` \\\n      ${quoted(`2:${operand.name}:(${operand.choices.join(' ')})`)}`;
  return `    ${name})
      _arguments -S : \\
${specs(model, name)} \\
      '1: : '${rest}
      ;;`;
}

function specs(model: CompletionModel, command: string): string {
  const { flags = [] } = model.commands.find(({ name }) => name === command) ?? {};
  return flags.map((flag) => `      ${spec(flag)}`).join(' \\\n');
}

function spec({ name, short, description, value, hint, choices, repeatable }: CompletedFlag): string {
  const what = `[${escaped(description)}]`;
  const action = { none: '', choice: `(${choices.join(' ')})`, file: '_files', directory: '_files -/', free: ' ' }[
    value
  ];
  const takes = value === 'none' ? '' : `:${escaped(value === 'choice' ? name : hint)}:${action}`;
  const written = value === 'none' ? `--${name}` : `--${name}=`;
  if (short !== null) return `${quoted(`(-${short} --${name})`)}{-${short},--${name}}${quoted(what + takes)}`;
  return quoted(`${repeatable ? '*' : ''}${written}${what}${takes}`);
}

function escaped(text: string): string {
  return text.replace(/[\\:[\]]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
