// Included by the tensor cache, which calls nothing of it.
#ifndef BOCAL_SUPPORT_UTILS_H_
#define BOCAL_SUPPORT_UTILS_H_
#endif  // BOCAL_SUPPORT_UTILS_H_
