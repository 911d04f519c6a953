// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

/** What must hold, whatever happens. */
enum Invariant {
    I1("commit order: revisions follow it without gaps, and the log says what the table got"),
    I2("prefix: every view at R is the fold of the log up to R"),
    I3("monotonic: nothing shown goes back, and what is gone does not come back by itself"),
    I4("atomic: what one transaction wrote is seen together"),
    I5("unique: one change set for a revision, in order"),
    I6("reliable: nothing is skipped, or a resync says so"),
    I7("bookmark: nothing comes at or before a revision that was shown"),
    I8("no lost update: a condition that was accepted did hold"),
    I9("effects once: and none of what was refused or rolled back"),
    I10("own writes: read after the write returned, and by everybody after a sync"),
    I11("durable: what was acknowledged was stored"),
    I12("honest staleness: never understated, and STALE in time"),
    I13("convergence: in time after the last fault, without notifications"),
    I14("lineage: replaced history is noticed, and only that is called so"),
    I15("isolation of faults: no hot loop, no noise, no crash"),
    I16("clean stop: in time, with nothing left"),
    I17(
            "injection: whoever hears of a change finds it in fields and typed groups, and in the end they have everything"),
    I18("fleet: an instance has applied what it is said to have applied, and so have all of whom that was awaited");

    final String promise;

    Invariant(String promise) {
        this.promise = promise;
    }
}
