// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.time.Duration;

/**
 * How subscriptions keep up.
 *
 * @param open listeners, notifications, watchers and publishers now
 * @param behind those for which something waits that they have not been given, or finished with, yet
 * @param lag how long the oldest of these has been waiting; zero if none is
 * @param coalesced change sets that were merged because a listener was slow
 */
public record SubscriptionStats(int open, int behind, Duration lag, long coalesced) {}
