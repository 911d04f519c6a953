// SPDX-License-Identifier: Apache-2.0
package io.configmanager.spring;

/**
 * Why a value could not be used.
 *
 * @param key the key
 * @param expected the type, or the rule, that it should be
 * @param reason what is wrong with it, without the value
 */
record Rejection(String key, String expected, String reason) {

    @Override
    public String toString() {
        return key + ": " + reason;
    }
}
