/* deal.h - which device a rank of a run (ranks/ranks.h) takes. */
#ifndef VGGCL_TRAIN_DEAL_H
#define VGGCL_TRAIN_DEAL_H

#include "vggcl.h"

/* Sets config->device where it is "auto", or with several ranks "": deals the machine's GPUs, or if there are none all
 * its devices, over the machine's ranks; with one rank, the default device. */
enum vggcl_err deal_devices(struct vggcl_config *config);

#endif
