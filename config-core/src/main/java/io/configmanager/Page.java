// SPDX-License-Identifier: Apache-2.0
package io.configmanager;

import java.util.List;

/**
 * One page of a longer list.
 *
 * @param items what is on this page, in the order of the list
 * @param cursor where the next page starts; opaque; {@code ""} on the last page
 */
public record Page<T>(List<T> items, String cursor) {

    public Page {
        items = List.copyOf(items);
    }

    /** Whether there is a next page. */
    public boolean hasNext() {
        return !cursor.isEmpty();
    }
}
