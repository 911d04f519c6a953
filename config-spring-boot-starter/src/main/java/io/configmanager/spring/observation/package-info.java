// SPDX-License-Identifier: Apache-2.0
/**
 * What traces show of this library where there is an {@link io.micrometer.observation.ObservationRegistry}: conventions that
 * an application may replace. Reads from memory are not observed, and neither is the wait of the watch for news. No name and
 * no key has a namespace, a configuration key or a value. With a meter registry of Spring Boot no meters are made of it:
 * {@code config.store.operations} and {@code config.propagation} are there already. Needs Micrometer.
 */
@NullMarked
package io.configmanager.spring.observation;

import org.jspecify.annotations.NullMarked;
