// SPDX-License-Identifier: Apache-2.0
/** Text forms of values: what a codec author implements, and the JSON codec. */
@NullMarked
package io.configmanager.codec;

import org.jspecify.annotations.NullMarked;
