// What a capture hands over.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "meter/body_capture.h"

namespace halton::test {

inline std::unique_ptr<meter::CallBodies> make_bodies(const std::string& request,
                                                      const std::string& response) {
    meter::BodyCapture capture(std::make_shared<meter::CaptureBudget>(1 << 26));
    capture.feed(http::Direction::to_upstream, request);
    capture.feed(http::Direction::to_client, response);
    auto bodies = capture.take();
    if (!bodies) throw std::runtime_error("too large for the test's budget");
    return bodies;
}

}  // namespace halton::test
