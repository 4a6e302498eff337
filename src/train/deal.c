#include "train/deal.h"
#include "ranks/ranks.h"

#include <stdio.h>
#include <string.h>

enum vggcl_err deal_devices(struct vggcl_config *config) {
    struct vggcl_device *list;
    size_t count, chosen = 0, gpus = 0;
    int rank, ranks;
    bool is_auto = strcmp(config->device, "auto") == 0;
    if (ranks_count() == 1 && is_auto)
        *config->device = '\0';
    if (ranks_count() == 1 || (*config->device && !is_auto))
        return VGGCL_OK;
    ranks_local(&rank, &ranks);
    TRY(vggcl_devices(&list, &count));
    for (size_t i = 0; i < count; i++)
        gpus += list[i].type == VGGCL_GPU;
    for (size_t i = 0, left = gpus ? (size_t)rank % gpus : 0; i < count; i++)
        if (list[i].type == VGGCL_GPU && left-- == 0)
            chosen = i;
    if (count && !gpus)
        chosen = (size_t)rank % count;
    vggcl_devices_free(list);
    snprintf(config->device, sizeof config->device, "%zu", chosen);
    return VGGCL_OK;
}
