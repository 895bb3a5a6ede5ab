// A C++ program that needs libstdc++, exceptions (libgcc_s) and OpenMP (libgomp).
#include <iostream>
#include <regex>
#include <stdexcept>
#include <string>

int main() {
    int sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (int i = 1; i <= 100; i++) sum += i;
    try {
        throw std::runtime_error("caught");
    } catch (const std::exception &e) {
        std::cout << e.what() << " " << sum << " " << std::regex_match("abc", std::regex("a.c")) << "\n";
    }
}
