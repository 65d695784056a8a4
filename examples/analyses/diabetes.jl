# Which of ten measurements foretell how a diabetes goes on in the year after, and how many of them are worth having?
# Data: 442 patients of Efron, Hastie, Johnstone and Tibshirani 2004 (Annals of Statistics 32:407), in scikit-learn's package.
# Follows the lasso from no measurement to all ten, as that paper does. Writes path.tsv (every step's coefficients) and path.svg.
using LinearAlgebra, Printf, Statistics

const NAMES = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]

# A table of numbers, compressed. Julia itself comes with zlib but without a package that calls it.
function numbers(path)
    file = ccall((:gzopen, "libz.so.1"), Ptr{Cvoid}, (Cstring, Cstring), path, "rb")
    file == C_NULL && error("cannot open $path")
    text, part = UInt8[], Vector{UInt8}(undef, 65536)
    while (n = ccall((:gzread, "libz.so.1"), Cint, (Ptr{Cvoid}, Ptr{Cvoid}, Cuint), file, part, length(part))) != 0
        n < 0 && error("$path is damaged")
        append!(text, part[1:n])
    end
    ccall((:gzclose, "libz.so.1"), Cint, (Ptr{Cvoid},), file)
    rows = [parse.(Float64, split(line)) for line in eachline(IOBuffer(text))]
    permutedims(reduce(hcat, rows))
end

smallest(candidates) = minimum([Inf; filter(>(1e-9), candidates)])

# Least angle regression with the lasso's rule that a coefficient which comes to zero leaves: one row a step.
function lasso_path(X, y)
    beta, active, steps = zeros(size(X, 2)), Int[], []
    entering = argmax(abs.(X'y))
    while true
        events = String[]
        if entering > 0
            push!(active, entering)
            push!(events, "$(NAMES[entering]) enters")
        end
        correlation = X' * (y - X * beta)
        most = maximum(abs.(correlation[active]))
        signs = sign.(correlation[active])
        # All active measurements lose correlation at one pace along this direction.
        weights = (X[:, active]' * X[:, active]) \ signs
        pace = 1 / sqrt(dot(signs, weights))
        direction = pace * weights
        a = X' * (X[:, active] * direction)
        others = setdiff(1:length(beta), active)
        reach(j) = smallest([(most - correlation[j]) / (pace - a[j]), (most + correlation[j]) / (pace + a[j])])
        next = isempty(others) ? Inf : minimum(reach.(others))
        zero_at = [-beta[j] / direction[i] for (i, j) in enumerate(active)]
        leave = smallest(zero_at)
        step = min(next, leave, most / pace)
        beta[active] += step * direction
        leaving = leave < min(next, most / pace) ? active[findfirst(==(leave), zero_at)] : 0
        if leaving > 0
            beta[leaving] = 0
            push!(events, "$(NAMES[leaving]) leaves")
            filter!(!=(leaving), active)
        end
        push!(steps, (events = events, beta = copy(beta), rss = sum(abs2, y - X * beta)))
        leaving == 0 && isempty(others) && return steps
        entering = leaving > 0 ? 0 : others[argmin(reach.(others))]
    end
end

X, y = numbers("measurements.gz"), vec(numbers("progression.gz"))
patients, measurements = size(X)
X = X .- mean(X, dims = 1)
X = X ./ sqrt.(sum(abs2, X, dims = 1))
y = y .- mean(y)
steps = lasso_path(X, y)

# Mallows' Cp: the error that each step would make on new patients; the noise is told from all ten measurements.
noise = steps[end].rss / (patients - measurements - 1)
cp = [step.rss / noise - patients + 2 * count(!iszero, step.beta) for step in steps]

open("path.tsv", "w") do table
    println(table, "step\tevents\tcp\t", join(NAMES, "\t"))
    for (i, step) in enumerate(steps)
        println(table, i, "\t", join(step.events, ", "), "\t", @sprintf("%.2f", cp[i]), "\t", join([@sprintf("%.3f", b) for b in step.beta], "\t"))
    end
end

# The figure is drawn by hand: Debian's Julia has no package that plots.
sizes = [0; [sum(abs, step.beta) for step in steps]]
across(size) = round(70 + 640 * size / sizes[end], digits = 1)
down(coefficient) = round(270 - 0.25 * coefficient, digits = 1)
colours = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"]
text(x, y, words; more = "") = """<text x="$x" y="$y" $more>$words</text>"""
line(x1, y1, x2, y2, more) = """<line x1="$x1" y1="$y1" x2="$x2" y2="$y2" stroke="#888" $more/>"""
drawing = String[]
for coefficient in -800:400:800
    push!(drawing, line(70, down(coefficient), 710, down(coefficient), "stroke-width=\"0.5\""))
    push!(drawing, text(62, down(coefficient) + 4, coefficient, more = "text-anchor=\"end\""))
end
best = argmin(cp)
push!(drawing, line(across(sizes[best+1]), 50, across(sizes[best+1]), 490, "stroke-dasharray=\"4\""))
push!(drawing, text(across(sizes[best+1]) + 5, 62, "least Cp"))
for j in 1:measurements
    points = join(["$(across(size)),$(down(b))" for (size, b) in zip(sizes, [0; [step.beta[j] for step in steps]])], " ")
    push!(drawing, """<polyline points="$points" fill="none" stroke="$(colours[j])" stroke-width="1.5"/>""")
    push!(drawing, text(716, down(steps[end].beta[j]) + 4, NAMES[j], more = "fill=\"$(colours[j])\""))
end
push!(drawing, text(390, 30, "Ten measurements come into the lasso", more = "text-anchor=\"middle\" font-size=\"16\""))
push!(drawing, text(390, 520, "sum of the coefficients' sizes, 0 to $(round(Int, sizes[end]))", more = "text-anchor=\"middle\""))
write("path.svg", """<svg xmlns="http://www.w3.org/2000/svg" width="760" height="540" font-family="sans-serif" font-size="12">
<rect width="760" height="540" fill="white"/>
$(join(drawing, "\n"))
</svg>
""")

@printf("%d patients, %d steps; Cp is least after %d, with %s\n", patients, length(steps), best,
        join([first(split(step.events[1])) for step in steps[1:best]], " "))
