import './node-version.ts'
import { Argument, Command, CommanderError, Option } from 'commander'
import { addApiVerbs } from './api-verbs.ts'
import { completionScript, type Shell, shells, type Verb } from './completion.ts'
import { failureOf } from './failure.ts'
import { version } from './project.ts'

/*
 * The command line. Exit codes: 0 done, 1 refused or a failed check, 2 wrong usage or configuration. What a verb needs is
 * loaded when it is called: `regate --help` loads nothing.
 */
const config = (): Option => new Option('-c, --config <file>', 'the configuration').default('regate.yaml')

const program = new Command('regate')
  .description('An identity-aware SSH gateway: Rego decides, a short-lived certificate carries the decision.')
  .version(version)
  .showHelpAfterError('(regate --help says more)')
  .exitOverride()

program
  .command('serve')
  .description('run the gateway; one JSON line an event on stdout')
  .addOption(config())
  .addHelpText('after', '\nExample:\n  regate serve --config /etc/regate/regate.yaml')
  .action(async (options: { config: string }) => {
    const { serve } = await import('./commands/serve.ts')
    await serve(options.config)
  })

program
  .command('init')
  .description('make a working folder: configuration, keys, policies')
  .argument('[dir]', 'the folder', '.')
  .addHelpText('after', '\nExample:\n  regate init /etc/regate')
  .action(async (folder: string) => {
    const { init } = await import('./commands/init.ts')
    process.stdout.write(init(folder))
  })

program
  .command('check')
  .description('check configuration, keys, policy, identity provider and the routes’ host keys: all problems at once')
  .addOption(config())
  .option('--scan', 'print the host keys that the routes’ hosts show')
  .addHelpText('after', '\nExample:\n  regate check --scan')
  .action(async (options: { config: string; scan?: boolean }) => {
    const { check } = await import('./commands/check.ts')
    process.exitCode = (await check(options.config, options.scan === true)) ? 0 : 1
  })

const policy = program.command('policy').description('work on policies').showHelpAfterError()

policy
  .command('build')
  .description('check the policies and compile them into a bundle (needs OPA)')
  .option('--policies <dir>', 'where the policies are', 'policies')
  .option('-o, --output <file>', 'the bundle', 'wasm/bundle.tar.gz')
  .option('--opa <program>', 'the OPA program')
  .addHelpText('after', '\nExample:\n  regate policy build --policies policies --output wasm/bundle.tar.gz')
  .action(async (options: { policies: string; output: string; opa?: string }) => {
    const { buildBundle } = await import('./commands/policy-build.ts')
    const { revision } = buildBundle(options)
    console.log(`${options.output}: revision ${revision}`)
  })

policy
  .command('eval')
  .description('what the gateway would decide for an input, in the gateway’s own runtime')
  .requiredOption('-i, --input <file>', 'the input, as JSON; - is stdin')
  .option('-b, --bundle <file>', 'the bundle', 'wasm/bundle.tar.gz')
  .option('-e, --entrypoint <name>', 'the entrypoint', 'ssh/decision')
  .option('--json', 'for programs: {"result": …}, {"undefined": true} or {"error": …}')
  .addHelpText(
    'after',
    '\nExample:\n  regate policy eval -i input.json\n  regate policy eval -i input.json -e ssh/explain --json',
  )
  .action(async (options: { input: string; bundle: string; entrypoint: string; json?: boolean }) => {
    const { evaluateFile } = await import('./commands/policy-eval.ts')
    process.exitCode = (await evaluateFile(options)) ? 0 : 1
  })

addApiVerbs(program)

program
  .command('completion')
  .description('print a script that completes this command line on Tab')
  .addArgument(new Argument('<shell>', 'for this shell').choices([...shells]))
  .addHelpText('after', '\nExample:\n  source <(regate completion bash)')
  .action((shell: Shell) => void process.stdout.write(completionScript(shell, asVerb(program))))

// Whoever reads what is printed may have read enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

try {
  await program.parseAsync()
} catch (thrown) {
  process.exitCode = tell(thrown)
}

function tell(thrown: unknown): number {
  // Commander has said it already; asking for help or the version is no mistake.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
  const { text, exitCode } = failureOf(thrown)
  console.error(text)
  return exitCode
}

function asVerb(command: Command): Verb {
  const help = command.createHelp()
  return {
    name: command.name(),
    about: command.description(),
    verbs: help
      .visibleCommands(command)
      .filter((inner) => inner.name() !== 'help')
      .map(asVerb),
    options: help.visibleOptions(command).map(({ long, short, description, flags, argChoices }) => ({
      long: long ?? flags,
      about: description,
      takes: /<(file|dir)>$/.test(flags) ? 'a file' : flags.endsWith('>') ? 'a value' : 'nothing',
      values: argChoices ?? [],
      ...(short === undefined ? {} : { short }),
    })),
    values: command.registeredArguments[0]?.argChoices ?? [],
  }
}
