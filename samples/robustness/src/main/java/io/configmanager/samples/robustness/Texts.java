// SPDX-License-Identifier: Apache-2.0
package io.configmanager.samples.robustness;

import org.jspecify.annotations.Nullable;

/** How values are written into records: short ones as they are, long ones as a digest. */
final class Texts {

    static final String NONE = "-";
    private static final int LONGEST = 48;

    private Texts() {}

    /** A value that tells it from any other, in few characters and without separators. */
    static String brief(@Nullable String value) {
        if (value == null) {
            return NONE;
        }
        boolean plain =
                value.length() <= LONGEST && value.chars().allMatch(c -> c > ' ' && c < 127 && ";|@".indexOf(c) < 0);
        return plain ? value : "#" + Long.toHexString(hash(value));
    }

    /** What an entry contributes to the sum that stands for a whole namespace. */
    static long digest(String key, long version, long revision, String brief) {
        return hash(key + '\n' + version + '\n' + revision + '\n' + brief);
    }

    /** Without the characters that end a field or a record. */
    static String line(@Nullable Object text) {
        String all = String.valueOf(text).replace('\t', ' ').replace('\n', ' ').replace('\r', ' ');
        return all.length() > 200 ? all.substring(0, 200) : all;
    }

    private static long hash(String text) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        }
        hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
        hash = (hash ^ (hash >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return hash ^ (hash >>> 33);
    }
}
