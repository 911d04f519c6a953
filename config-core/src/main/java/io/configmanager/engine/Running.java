// SPDX-License-Identifier: Apache-2.0
package io.configmanager.engine;

import io.configmanager.ConfigObserver;
import io.configmanager.WatchState;
import io.configmanager.store.ConfigStore;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What runs while a manager is connected: the watch, the housekeeping with the fleet and the boot snapshot, their threads. */
final class Running {

    private static final Duration STOP_TIMEOUT = Duration.ofMillis(1000);

    private final ConfigManagerBuilder settings;
    private final ConfigStore store;
    private final Reconciler reconciler;
    private final StatusTracker status;
    private final CountDownLatch stop = new CountDownLatch(1);
    private final Pause pause = duration -> stop.await(duration.toNanos(), TimeUnit.NANOSECONDS);
    private final WatchLoop loop;
    private final @Nullable FleetMember fleet;
    private final @Nullable BootSnapshotSaver saver;
    private final Maintenance maintenance;
    private final List<Thread> threads;

    /** Starts all of it. */
    Running(
            ConfigManagerBuilder settings,
            ConfigStore store,
            Reconciler reconciler,
            StatusTracker status,
            StoreClock storeClock,
            Audience audience,
            ConfigObserver observer) {
        this.settings = settings;
        this.store = store;
        this.reconciler = reconciler;
        this.status = status;
        this.loop = new WatchLoop(
                store,
                reconciler,
                status,
                storeClock,
                audience,
                observer,
                settings.maximumEntries,
                new WatchLoop.Timing(
                        new Backoff(settings.firstRetry, settings.lastRetry),
                        settings.pollTimeout,
                        pause,
                        new SplittableRandom(),
                        System::nanoTime));
        this.fleet = settings.fleet == null ? null : member(settings.fleet, storeClock);
        this.saver = settings.bootSnapshot == null ? null : saver(settings.bootSnapshot);
        this.maintenance = new Maintenance(
                store,
                saver == null ? () -> {} : saver::save,
                fleet,
                status,
                settings.maintenanceInterval,
                pause,
                new SplittableRandom(),
                System::nanoTime);
        this.threads = List.of(thread("config-watch", loop), thread("config-maintenance", maintenance));
        threads.forEach(Thread::start);
    }

    private FleetMember member(FleetMember.Settings fleet, StoreClock storeClock) {
        return new FleetMember(
                store,
                fleet,
                new FleetMember.Self(
                        loop::reached,
                        () -> reconciler.ticket().epoch(),
                        () -> status.state() == WatchState.LIVE,
                        this::rejected),
                storeClock::now,
                pause,
                new SplittableRandom(),
                System::nanoTime);
    }

    private int rejected() {
        int rejected = 0;
        for (ConfigManagerBuilder.Applier applier : settings.appliers) {
            rejected += applier.rejected();
        }
        for (NamespaceCache cache : reconciler.active()) {
            rejected += cache.rejected().size();
        }
        return rejected;
    }

    private BootSnapshotSaver saver(BootSnapshotFile file) {
        return new BootSnapshotSaver(
                file,
                settings.origin,
                reconciler,
                loop::reached,
                status::provedAt,
                loop::isOfAnotherHistory,
                System::nanoTime);
    }

    private static Thread thread(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        return thread;
    }

    WatchLoop loop() {
        return loop;
    }

    @Nullable
    FleetMember fleet() {
        return fleet;
    }

    /** Stops all of it, and interrupts what takes too long. */
    void stop() {
        maintenance.stop();
        loop.stop();
        stop.countDown();
        if (!join(System.nanoTime() + STOP_TIMEOUT.toNanos())) {
            threads.stream().filter(thread -> thread != Thread.currentThread()).forEach(Thread::interrupt);
        }
    }

    /** Writes the boot snapshot for the last time, if the threads end until then. Does not need the store. */
    void end(long deadline) {
        if (join(deadline) && saver != null) {
            saver.saveLast();
        }
    }

    /** Waits for other threads to end; false if it takes too long. */
    private boolean join(long deadline) {
        try {
            for (Thread thread : threads) {
                if (thread != Thread.currentThread()) {
                    thread.join(Math.max(1, TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime())));
                    if (thread.isAlive()) {
                        return false;
                    }
                }
            }
            return true;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
