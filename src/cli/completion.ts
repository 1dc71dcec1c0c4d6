/** `quorate completion`: a script that teaches a shell the commands and options, made from the commands themselves. */
import { Argument, Command } from 'commander'
import type { Act, CommandContext } from './command-context.ts'
import { exitCodes } from './exit-codes.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

export const completionCommand = (context: CommandContext, act: Act): Command =>
  new Command('completion')
    .description('print a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>', 'your shell').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  quorate completion bash > ~/.local/share/bash-completion/completions/quorate
  quorate completion zsh > ~/.zfunc/_quorate        (with ~/.zfunc in fpath)
  quorate completion fish > ~/.config/fish/completions/quorate.fish
`,
    )
    .action(
      act(async (shell: Shell, _: object, command: Command) => {
        context.terminal.out(completionScript(command.parent ?? command, shell))
        return exitCodes.done
      }),
    )

type Word = { text: string; about: string }
/** A command with its full path (`definitions diff`), what may follow it, and its options. */
type Node = { path: string; commands: Word[]; options: Word[] }

export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, '')
  return { bash, zsh, fish }[shell](program.name(), nodes)
}

function nodesOf(command: Command, path: string): Node[] {
  const names = command.commands.flatMap((inner) =>
    [inner.name(), ...inner.aliases()].map((text) => ({ text, about: inner.description() })),
  )
  const options = command.options.flatMap(({ long, short, description, hidden }) =>
    hidden ? [] : [long, short].flatMap((text) => (text ? [{ text, about: description }] : [])),
  )
  const node = { path, commands: names, options: [...options, { text: '--help', about: 'show how it is used' }] }
  return [
    node,
    ...command.commands.flatMap((inner) =>
      [inner.name(), ...inner.aliases()].flatMap((name) => nodesOf(inner, path === '' ? name : `${path} ${name}`)),
    ),
  ]
}

/** Shells that compare a path word by word: which words of the line are commands, and what may follow them. */
const paths = (nodes: Node[]): string =>
  nodes
    .slice(1)
    .map(({ path }) => `"${path}"`)
    .join('|')

function bash(name: string, nodes: Node[]): string {
  const cases = nodes.map(
    ({ path, commands, options }) =>
      `    "${path}") words="${[...commands, ...options].map(({ text }) => text).join(' ')}" ;;`,
  )
  return `# bash completion of ${name}
_${name}() {
  local path="" next words="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case "$next" in
      ${paths(nodes)}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}`
}

function zsh(name: string, nodes: Node[]): string {
  const quoted = ({ text, about }: Word): string => `'${`${text}:${about}`.replaceAll("'", "'\\''")}'`
  const cases = nodes.map(
    ({ path, commands, options }) => `    "${path}") words_=(${[...commands, ...options].map(quoted).join(' ')}) ;;`,
  )
  return `#compdef ${name}
_${name}() {
  local path_="" next i
  local -a words_
  for ((i = 2; i < CURRENT; i++)); do
    next="\${path_:+$path_ }\${words[i]}"
    case "$next" in
      ${paths(nodes)}) path_="$next" ;;
    esac
  done
  case "$path_" in
${cases.join('\n')}
  esac
  _describe '${name}' words_ || _files
}
if [ "$funcstack[1]" = "_${name}" ]; then _${name} "$@"; else compdef _${name} ${name}; fi`
}

function fish(name: string, nodes: Node[]): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const lines = nodes.flatMap(({ path, commands, options }) => {
    const at = `-n ${quoted(`__${name}_at ${path}`.trimEnd())}`
    return [
      ...commands.map(({ text, about }) => `complete -c ${name} ${at} -f -a ${quoted(text)} -d ${quoted(about)}`),
      ...options.map(
        ({ text, about }) =>
          `complete -c ${name} ${at} ${text.startsWith('--') ? `-l ${text.slice(2)}` : `-s ${text.slice(1)}`} -d ${quoted(about)}`,
      ),
    ]
  })
  return `# fish completion of ${name}
function __${name}_at
  set -l path
  for word in (commandline -opc)[2..-1]
    if contains -- (string join ' ' $path $word) ${nodes
      .slice(1)
      .map(({ path }) => quoted(path))
      .join(' ')}
      set path $path $word
    end
  end
  test "$path" = "$argv"
end
${lines.join('\n')}`
}
