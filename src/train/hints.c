#include "train/hints.h"
#include "base/text.h"
#include "train/chance.h"

#include <math.h>

/* Measured with vgg11 of width 0.125 on the first 4,000 to 4,200 images of CIFAR-10 in batches of 128, 8 epochs, three
 * seeds, each +-2 points: with the recipe fast, a last batch of 1, 2 or 4 images costs 9 points of test accuracy, of 8
 * 6 points, of 16 4 points, of 32 or 64 1 point; with the seed's recipe without dropout one of 1 costs 6 points, of 2
 * or 4 2 points, larger ones nothing. It is the last one before the test, and a tenth of the running statistics. */
enum { FEW_IN_LAST = 16, FEW = 4 };

static bool has_statistics(const struct vggcl_config *config) {
    return !config->no_bn && config->freeze == VGGCL_FREEZE_NONE;
}

/* A batch size near the run's whose last batch has at least half of it, or is whole. */
static size_t better_batch(size_t images, size_t batch) {
    for (size_t less = 1; less < batch; less++) {
        size_t rest = images % (batch - less);
        if (rest == 0 || 2 * rest >= batch - less)
            return batch - less;
    }
    return 1;
}

static void hint_last_batch(const struct run *run, size_t last, size_t least) {
    size_t batch = run_batch_size(run), better = better_batch(run->data.train.count, batch);
    char parts[64] = "";
    if (least < last)
        text_print(parts, sizeof parts, " in parts of %zu", least);
    run_notice(run,
               "the last batch of each epoch has only %zu image%s%s, and batch normalisation takes statistics of so "
               "few just before the test, which may cost several points of test accuracy; leave that batch out with "
               "`vggcl train --drop-last ...`, or change the batch size: `vggcl train --batch %zu ...`",
               last, text_plural((long long)last), parts, better);
}

void hints_at_start(const struct run *run) {
    const struct team *t = &run->team;
    size_t images = run->data.train.count, batch = run_batch_size(run), last = run_epoch_images(run) % batch;
    size_t least = team_least_part(t, batch), least_of_last = team_least_part(t, last);
    if (images < batch)
        run_notice(run,
                   "the training set has %zu image%s, fewer than a batch of %zu, so that an epoch is one step; smaller "
                   "batches make more steps: `vggcl train --batch %zu ...`",
                   images, text_plural((long long)images), batch,
                   images < 2 * FEW_IN_LAST ? (images + 1) / 2 : FEW_IN_LAST);
    else if (has_statistics(&run->config) && least < FEW)
        run_notice(run,
                   "batch normalisation takes the statistics of %zu image%s at a time, and so few lower the accuracy; "
                   "use larger batches (batch, micro-batch, mem-limit) or no batch normalisation (no-bn)",
                   least, text_plural((long long)least));
    else if (has_statistics(&run->config) && last && least_of_last < FEW_IN_LAST && least_of_last < least)
        hint_last_batch(run, last, least_of_last);
}

/* What to type to begin again, from the options of the run. */
static void name_command(const struct run *run, double lr, char text[static REMEDY]) {
    const struct vggcl_config *config = &run->config;
    double warmup = fmax(config->warmup, 1);
    text_print(text, REMEDY,
               config->no_bn ? "`vggcl train --config %s/config.json --lr %g --warmup %g --no-bn=no`"
                             : "`vggcl train --config %s/config.json --lr %g --warmup %g`",
               config->save, lr, warmup);
}

static void hint_chance(const struct run *run, int epochs, const struct chance *chance) {
    const struct vggcl_epoch *row = &run->history.rows[run->history.count - 1];
    bool is_tiny = run->config.lr < 1e-5;
    char command[REMEDY];
    name_command(run, is_tiny ? 0.01 : run_lower_lr(run), command);
    run_notice(run,
               "the network has learned nothing in the last %d epochs: its test accuracy of %.2f %% is no better than "
               "guessing (%.2f %% of the test images are of the largest class), nor is its loss of %.4f. Stop it with "
               "Ctrl-C, and begin again with a %s learning rate and a warm-up: %s%s",
               epochs, 100 * row->test_accuracy, 100 * chance->test_accuracy, row->test_loss,
               is_tiny ? "higher" : "lower", command,
               run->config.recipe == 0 ? ", or with `vggcl train --recipe fast ...`" : "");
}

enum vggcl_err hints_after_epoch(struct run *run) {
    enum { EPOCHS = 4, STEPS = 300 }; /* both are needed: epochs of few images are short */
    struct chance chance;
    if (run->told_chance || run->history.count < EPOCHS)
        return VGGCL_OK;
    TRY(chance_of(&run->data, &chance));
    int epochs = chance_epochs(&run->history, &chance);
    run->told_chance = epochs >= EPOCHS && epochs * run_epoch_steps(run) >= STEPS;
    if (run->told_chance)
        hint_chance(run, epochs, &chance);
    return VGGCL_OK;
}
