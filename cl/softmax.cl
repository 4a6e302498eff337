/* softmax.cl - softmax cross-entropy, and the totals of losses and correct predictions. */

/* For each row of logits[n][classes] and its label, with target = (1 - smoothing) * onehot(label) + smoothing /
 * classes: loss[row] = log(sum exp(logits)) - sum(target * logits); dlogits = (softmax(logits) - target) / divisor;
 * both times weight[label], if weighted is set. If share is less than 1: share times that, plus 1 - share times the
 * same for the class partner[row]. predicted[row] = the first of the largest logits, or -1 if the loss is NaN. A
 * work-item has a row. */
kernel void softmax_cross_entropy(global const float *logits, global const int *label, global const int *partner,
                                  global const float *weight, int n, int classes, float share, int weighted,
                                  float smoothing, float divisor, global float *loss, global int *predicted,
                                  global float *dlogits) {
    int row = get_global_id(0);
    if (row >= n)
        return;
    logits += (size_t)row * classes;
    dlogits += (size_t)row * classes;
    int best = 0;
    for (int k = 1; k < classes; k++)
        if (logits[k] > logits[best])
            best = k;
    float sum = 0, behind = 0; /* the sum of the differences from the best logit */
    for (int k = 0; k < classes; k++) {
        sum += exp(logits[k] - logits[best]);
        behind += logits[best] - logits[k];
    }
    int one = label[row], other = share < 1 ? partner[row] : one;
    float one_share = share, other_share = 1 - share, row_weight = 1;
    if (weighted) {
        row_weight = share * weight[one] + (1 - share) * weight[other];
        one_share = share * weight[one] / row_weight;
        other_share = (1 - share) * weight[other] / row_weight;
    }
    float labels_behind = logits[best] - logits[one];
    if (share < 1)
        labels_behind = one_share * labels_behind + other_share * (logits[best] - logits[other]);
    float row_loss = log(sum) + labels_behind;
    if (smoothing > 0)
        row_loss += smoothing * (behind / classes - labels_behind);
    loss[row] = row_loss * row_weight;
    predicted[row] = row_loss == row_loss ? best : -1;
    for (int k = 0; k < classes; k++) {
        float labels = (k == one ? one_share : 0) + (k == other ? other_share : 0);
        dlogits[k] = (exp(logits[k] - logits[best]) / sum - (1 - smoothing) * labels - smoothing / classes) / divisor *
                     row_weight;
    }
}

/* total[0] = the sum of the rows' losses, total[1] = the number of rows with predicted == label. One work-item adds in
 * the rows' order, so that the sum is the same on every run; Kahan's summation makes it exact up to one rounding. If
 * watch is set, a sum that is not finite sets *failed, which no kernel resets. */
kernel void softmax_total(global const float *loss, global const int *predicted, global const int *label, int n,
                          global float *total, int watch, global int *failed) {
    if (get_global_id(0) > 0) /* also keeps barriers out of the loop, see FOR_EACH_JOB */
        return;
    float sum = 0, lost = 0;
    int correct = 0;
    for (int row = 0; row < n; row++) {
        float term = loss[row] - lost, next = sum + term;
        lost = (next - sum) - term;
        sum = next;
        correct += predicted[row] == label[row];
    }
    total[0] = sum;
    total[1] = correct;
    if (watch && !isfinite(sum))
        *failed = 1;
}
