// SPDX-License-Identifier: Apache-2.0
/** For tests of applications: configuration in memory, set by the test and forgotten after it. */
@NullMarked
package io.configmanager.spring.test;

import org.jspecify.annotations.NullMarked;
