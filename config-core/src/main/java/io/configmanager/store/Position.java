// SPDX-License-Identifier: Apache-2.0
package io.configmanager.store;

/**
 * Where a reader is in a store's history: everything up to here has been seen.
 *
 * @param revision the revision seen last; 0 before the first change of an empty store
 * @param token what the store needs to continue and to prove that this history still stands; opaque to everybody else
 */
public record Position(long revision, String token) {}
