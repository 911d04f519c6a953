// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

/**
 * Published in the application context when a target could not take a value and keeps its last good one. Never holds the
 * value. What is rejected at the start is told when the context is refreshed.
 *
 * @param namespace the namespace of the key
 * @param key the key
 * @param target the field, parameter or type that wanted it, for people
 * @param expected the type, or the rule of Bean Validation, that it should be
 * @param reason what is wrong with it
 * @param revision the revision at which it was read
 */
public record ConfigRejectedEvent(
        String namespace, String key, String target, String expected, String reason, long revision) {}
