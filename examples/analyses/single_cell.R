# Human myoblasts that turn into muscle over three days: do the cells' genes tell the hour at which each was taken?
# Data: 271 cells of Trapnell et al. 2014 (Nature Biotechnology 32:381), in the Bioconductor package HSMMSingleCell.
# Writes clusters.tsv (each cell's hour, cluster and first two components) and clusters.png.
suppressPackageStartupMessages({ library(HSMMSingleCell); library(igraph) })
data(HSMM_expr_matrix); data(HSMM_sample_sheet)
counts <- as.matrix(HSMM_expr_matrix)

# Cells in which far fewer genes were seen than in most are broken ones; genes that hardly any cell has say nothing.
seen <- log(colSums(counts > 0))
keep <- seen > median(seen) - 3 * mad(seen)
counts <- counts[rowSums(counts > 0.5) >= 10, keep]
sheet <- HSMM_sample_sheet[keep, ]
depth <- colSums(counts) / mean(colSums(counts))
expression <- log2(t(t(counts) / depth) + 1)

# The thousand genes that vary most beyond what their mean explains.
mean_of <- rowMeans(expression)
variance <- apply(expression, 1, var)
excess <- residuals(loess(log(variance) ~ mean_of, span = 0.3))
genes <- order(-excess)[1:1000]

components <- prcomp(t(expression[genes, ]), rank. = 15)$x
# The sign of a component means nothing, and differs between builds of the linear algebra.
for (i in seq_len(ncol(components))) if (sum(components[, i]^3) < 0) components[, i] <- -components[, i]

# Clusters in the graph of each cell's 15 nearest neighbours.
set.seed(1)
distance <- as.matrix(dist(components))
neighbours <- t(apply(distance, 1, function(d) order(d)[2:16]))
graph <- simplify(graph_from_edgelist(cbind(rep(seq_len(nrow(neighbours)), 15), as.vector(neighbours)), directed = FALSE))
cluster <- membership(cluster_louvain(graph))
cluster <- match(cluster, unique(cluster))  # numbered by the first cell of each

hour <- as.integer(as.character(sheet$Hours))
table <- data.frame(cell = rownames(sheet), hour = hour, cluster = cluster,
                    pc1 = sprintf("%.3f", components[, 1]), pc2 = sprintf("%.3f", components[, 2]))
write.table(table, "clusters.tsv", sep = "\t", quote = FALSE, row.names = FALSE)

png("clusters.png", width = 900, height = 700, res = 120, type = "cairo")
plot(components[, 1:2], col = cluster, pch = c("0", "24" = "1", "48" = "2", "72" = "3")[factor(hour)],
     xlab = "component 1", ylab = "component 2", main = "Myoblasts: colour is the cluster, digit the day")
invisible(dev.off())

cat(sprintf("%d genes, %d cells, %d clusters\n", nrow(counts), ncol(counts), max(cluster)))
print(table(cluster = cluster, hour = hour))
