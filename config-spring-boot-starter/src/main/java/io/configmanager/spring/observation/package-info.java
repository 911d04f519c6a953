// SPDX-License-Identifier: Apache-2.0
/** What traces show of this library: names, keys and conventions that an application may replace. Needs Micrometer. */
@NullMarked
package io.configmanager.spring.observation;

import org.jspecify.annotations.NullMarked;
