/*
 * Commands and options as tables.
 *
 * A program is a tree of `struct command`; a command's options are rows. The
 * same rows are parsed here, printed by help.h, written as manual pages by
 * man.h and offered by the shell through completion.h, so none of them can
 * disagree. Nothing here prints or exits.
 *
 * Understood: --name VALUE, --name=VALUE, --flag, --flag=false, -n VALUE,
 * -nVALUE, -n=VALUE, -abc, and -- which ends the options. Options and
 * arguments may be mixed, unless the command says raw_after_first. Where there
 * is a row no-flag, --flag=false is that.
 */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum option_kind {
	OPTION_FLAG,	 /* bool; takes no argument */
	OPTION_STRING,	 /* const char *, weak: in argv */
	OPTION_LIST,	 /* struct option_list; may be given many times */
	OPTION_NUMBER,	 /* uint64_t, decimal */
	OPTION_SIZE,	 /* uint64_t, bytes; "512m", "8g" */
	OPTION_DURATION, /* uint64_t, seconds; "30s", "2h" */
	OPTION_PRESET,	 /* const char *; takes no argument, stores the row's preset */
};

/* What a shell should offer where an argument stands. */
enum complete {
	COMPLETE_NOTHING,
	COMPLETE_FILE,
	COMPLETE_FOLDER,
	COMPLETE_SANDBOX,
	COMPLETE_TEMPLATE,
	COMPLETE_BRANCH,  /* of sbx branch, or a sandbox */
	COMPLETE_SERVICE, /* of sbx secret */
	COMPLETE_PRESET,  /* of sbx policy, or a file */
	COMPLETE_AGENT,	  /* an agent, then folders */
	COMPLETE_SETTING, /* of sbx settings */
	COMPLETE_CHOICES, /* the words of an option's `choices` */
	COMPLETE_COPY,	  /* SANDBOX: or a file */
};

/* One row. A table ends with a row whose name is NULL. */
struct option {
	const char *name; /* without dashes */
	char letter;	  /* or 0 */
	enum option_kind kind;
	bool hidden;
	enum complete complete;
	const char *argument;	    /* what the value is called, "SIZE" */
	const char *const *choices; /* NULL-terminated; NULL: any value */
	const char *preset;	    /* of OPTION_PRESET */
	size_t offset;		    /* of the target in the group's values */
	const char *help;	    /* one phrase, no full stop; may hold newlines */
};

struct option_list {
	const char **items; /* owned; the strings are weak: in argv */
	size_t count;
};

/* Options that several commands share are a group of their own, at an offset of its values. */
struct option_group {
	const struct option *options; /* NULL: no more groups */
	size_t offset;
};

enum { OPTION_GROUPS = 3, COMMAND_DEPTH_MAX = 4 };

struct invocation;

struct command {
	const char *name;
	const char *alias;   /* a second name, or NULL */
	const char *section; /* heading in the parent's help; NULL: the same as above it */
	bool hidden;
	const char *summary;	 /* one phrase */
	const char *arguments;	 /* "[AGENT] [PATH...]"; NULL: none */
	const char *description; /* paragraphs, parted by an empty line; or NULL */
	const char *examples;	 /* lines "command\texplanation"; or NULL */
	struct option_group groups[OPTION_GROUPS];
	size_t values_size;	   /* of the struct that the groups' offsets point into */
	size_t least, most;	   /* how many arguments; most 0 means none */
	bool raw_after_first;	   /* after the first argument nothing is an option any more */
	enum complete first, rest; /* what the first and the later arguments are */
	const struct command *const *commands; /* sub-commands and a NULL; then run is NULL */
	/* The exit status, or -errno with *err set. */
	int (*run)(const struct invocation *invocation, struct err *err);
};

enum { ARGUMENTS_MANY = 1 << 20 };

/* What every command accepts. */
struct global_options {
	bool help, debug;
	bool cloud;	      /* of other versions: run elsewhere */
	const char *app_name; /* as SBX_APP_NAME */
};
extern const struct option global_options[];

/* A parsed command line; weak pointers into argv and the tables. */
struct invocation {
	const struct command *path[COMMAND_DEPTH_MAX]; /* the root first, the command last */
	size_t depth;
	const struct command *command; /* path[depth - 1] */
	struct global_options globals;
	void *values;	   /* owned, values_size zeroed bytes and what the options stored */
	const char **args; /* owned; the arguments and a NULL */
	size_t count;
	size_t dashes; /* arguments before "--"; count when there was none */
};

/*
 * Parses argv[1..]. With a sentence: -EINVAL when its form is wrong, -ERANGE
 * when an option's value is; *ret then tells how far it was understood (path,
 * command), for a hint, and must be finished as well. With --help the number of arguments is not
 * checked.
 */
int options_parse(const struct command *root, int argc, char **argv, struct invocation *ret,
		  struct err *err);
void invocation_finish(struct invocation *invocation);

/* "sbx daemon start"; cut when it does not fit. */
void command_path(const struct invocation *invocation, char *ret, size_t size);

/* The sub-command called name (or by its alias), or NULL. */
const struct command *command_find(const struct command *parent, const char *name);

/* True when the option takes a value. */
bool option_has_argument(const struct option *option);

/* Walks the rows of all groups of a command; break leaves one group only. */
#define command_for_each_option(row, command)                                                 \
	for (const struct option_group *group_ = (command)->groups;                           \
	     group_ < (command)->groups + OPTION_GROUPS && group_->options != NULL; group_++) \
		for (const struct option *row = group_->options; row->name != NULL; row++)

/* Walks the sub-commands of a command, hidden ones too. */
#define command_for_each(child, parent)                                          \
	for (const struct command *const *child##_ = (parent)->commands, *child; \
	     child##_ != NULL && (child = *child##_) != NULL; child##_++)

#endif
