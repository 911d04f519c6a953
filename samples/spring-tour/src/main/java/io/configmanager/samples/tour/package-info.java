// SPDX-License-Identifier: Apache-2.0
/** Every form in which a Spring application can have a value. Start with {@link TourApplication}. */
@NullMarked
package io.configmanager.samples.tour;

import org.jspecify.annotations.NullMarked;
