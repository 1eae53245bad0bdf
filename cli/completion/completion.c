/* cli/completion/completion.c — the shell asks `pinion completion words` what may come next.
 *
 * So the shell's part is small and never stale: whatever verb or flag this program has, it knows.
 */
#include "cli/completion/names.h"
#include "cli/completion/words.h"
#include "cli/flags.h"
#include "cli/verbs.h"

#include <stdio.h>
#include "base/log.h"

/* Readline replaces only what stands behind the last : or =, if those break words; so that much of
 * what is offered is cut off. A :file or :folder is for the shell to find. */
static const char bash_script[] =
    "# pinion completion bash: put this into ~/.bashrc:  source <(pinion completion bash)\n"
    "_pinion() {\n"
    "    local line=${COMP_LINE:0:COMP_POINT} words=() word about current cut=''\n"
    "    read -ra words <<<\"$line\"\n"
    "    [[ $line == *[[:blank:]] ]] && words+=('')\n"
    "    current=${words[${#words[@]} - 1]}\n"
    "    for word in : =; do\n"
    "        [[ $COMP_WORDBREAKS == *$word* && $current == *$word* ]] || continue\n"
    "        about=${current%\"$word\"*}$word\n"
    "        [ ${#about} -gt ${#cut} ] && cut=$about\n"
    "    done\n"
    "    COMPREPLY=()\n"
    "    while IFS=$'\\t' read -r word about; do\n"
    "        case $word in\n"
    "        :file | :folder)\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            [ $word = :file ] && about=-f || about=-d\n"
    "            while IFS= read -r word; do COMPREPLY+=(\"$word\"); done \\\n"
    "                < <(compgen $about -- \"${current#\"$cut\"}\")\n"
    "            ;;\n"
    "        *) COMPREPLY+=(\"${word#\"$cut\"}\") ;;\n"
    "        esac\n"
    "    done < <(\"${words[0]}\" completion words -- \"${words[@]:1}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _pinion pinion\n";

static const char zsh_script[] =
    "#compdef pinion\n"
    "# pinion completion zsh: put this into ~/.zshrc, behind compinit:\n"
    "#     source <(pinion completion zsh)\n"
    "# or keep it as _pinion in a folder of $fpath.\n"
    "_pinion() {\n"
    "    local -a offered\n"
    "    local line word about\n"
    "    for line in \"${(@f)$(\"${words[1]}\" completion words -- "
    "\"${(@)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
    "        case $line in\n"
    "        '') ;;\n"
    "        :file) _files; return ;;\n"
    "        :folder) _files -/; return ;;\n"
    "        *)\n"
    "            word=${line%%$'\\t'*} about=\n"
    "            [[ $line == *$'\\t'* ]] && about=:${line#*$'\\t'}\n"
    "            offered+=(\"${word//:/\\\\:}$about\")\n"
    "            ;;\n"
    "        esac\n"
    "    done\n"
    "    _describe 'pinion' offered\n"
    "}\n"
    "if [[ $funcstack[1] == _pinion ]]; then _pinion \"$@\"; else compdef _pinion pinion; fi\n";

static const struct command bash_command = {
    .name = "completion bash",
    .usage = "",
    .about = "Prints what lets bash complete verbs, flags, and names of queues, jobs, kinds,\n"
             "schedules, batches, servers and tokens.",
    .examples = "source <(pinion completion bash)",
    .common_at = COMMON_ABSENT,
};

static const struct command zsh_command = {
    .name = "completion zsh",
    .usage = "",
    .about = "Prints what lets zsh complete verbs, flags, and names of queues, jobs, kinds,\n"
             "schedules, batches, servers and tokens.",
    .examples = "source <(pinion completion zsh)",
    .common_at = COMMON_ABSENT,
};

static const struct command words_command = {
    .name = "completion words",
    .usage = "-- [WORDS...] WORD",
    .about = "Prints what the WORD behind other WORDS of a command line may be, one a line, and\n"
             "behind a tab what that is. The shells ask it; it never fails. :file and :folder\n"
             "stand for those that the shell finds.",
    .examples = "pinion completion words -- queue pa\npinion completion words -- job show ''",
    .common_at = COMMON_ABSENT,
    .words_min = 1,
    .words_max = 1000,
    .expected = "the WORDS of a command line, behind --",
};

static int print_script(const struct command *command, const char *script, int argc, char **argv)
{
    int first, status;

    if (!flags_read(command, argc, argv, NULL, &first, &status)) return status;
    fputs(script, stdout);
    return cli_finish(0);
}

static int bash_main(int argc, char **argv)
{
    return print_script(&bash_command, bash_script, argc, argv);
}

static int zsh_main(int argc, char **argv)
{
    return print_script(&zsh_command, zsh_script, argc, argv);
}

static int words_main(int argc, char **argv)
{
    struct next_word next;
    const struct verb *verbs;
    size_t count;
    int first, status;

    if (!flags_read(&words_command, argc, argv, NULL, &first, &status)) return status;
    log_set(LOG_LEVELS, LOG_AS_TEXT);
    verbs = verbs_all(&count);
    next_word_init(&next, verbs, count, argc - first, argv + first);
    names_add(&next);
    if (next.words.len) fwrite(next.words.data, 1, next.words.len, stdout);
    next_word_deinit(&next);
    return cli_finish(0);
}

int completion_main(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"bash",  bash_main,  "what goes into ~/.bashrc"           },
        {"zsh",   zsh_main,   "what goes into ~/.zshrc, or $fpath" },
        {"words", words_main, "what the scripts ask: the next word"},
    };

    return verbs_run(verbs, countof(verbs), "completion", argc, argv);
}
