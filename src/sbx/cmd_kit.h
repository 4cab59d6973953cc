/* The commands below `sbx kit`, by what they do. */
#ifndef SBX_CMD_KIT_H
#define SBX_CMD_KIT_H

#include "app/options.h"

extern const struct command cmd_kit_validate, cmd_kit_inspect;
extern const struct command cmd_kit_pack, cmd_kit_push, cmd_kit_pull;
extern const struct command cmd_kit_sign, cmd_kit_verify, cmd_kit_provenance;
extern const struct command cmd_kit_add;

#define KIT_REFERENCE_TEXT                                                                         \
	"REF is a kit of this program (claude), a folder (./mykit), a ZIP file (./mykit.zip),\n"   \
	"a git repository (git+https://HOST/PATH#ref=REF&dir=FOLDER, git+ssh://...) or an image\n" \
	"(docker.io/NAME/KIT:TAG). Sources that are not of this machine must be in the setting\n"  \
	"kit.allowedSources.\n"

#endif
