// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

import io.configmanager.ConfigChangeSet;

/**
 * Published in the application context for every change set of a namespace in use, after the cache, typed groups and
 * injected values show it; from the end of the start on, in revision order per namespace, on a thread of listeners. Not of a
 * namespace that is larger than the cache.
 *
 * @param changes the whole change set
 */
public record ConfigChangedEvent(ConfigChangeSet changes) {}
